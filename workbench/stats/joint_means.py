"""True means of several variants that ran on the same rows: empirical Bayes.

>>> first = {row: [float(row % 3 > 0)] for row in range(60)}
>>> second = {row: [float(row % 3 > 1)] for row in range(30)}
>>> joint = compare_jointly([first, second])
>>> joint.contrasts.round(3).tolist()
[0.167, -0.167]
>>> posterior_draws(joint).mean(axis=0).round(2).tolist()
[0.14, -0.14]

Only differences on the same rows count, so nobody gains by having run on easy ones. The model: the
variants' true means are normal around a common mean, and the measured differences are normal around
the true ones. The spread of the true means is unknown: it is integrated out under a half-Cauchy
prior (Gelman 2006, https://doi.org/10.1214/06-BA117A).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.stats.sample import Clusters, FloatArray, RowValues, cluster_numbers, row_means

DRAWS = 4_000  # from the posterior distribution
SEED = 20_260_102
SPREADS = np.geomspace(0.01, 3, 24)  # of the variants' true means, in standard deviations of a row
SPREAD_SCALE = 0.25  # of the half-Cauchy prior of the spread
NO_INFORMATION = 1e-6  # as a share of a row: of the difference of variants that share no row


@dataclass(frozen=True, slots=True)
class JointMeans:
    """Means of several variants beside each other; a cluster of rows is one observation.

    Attributes:
        contrasts: each variant's mean minus the mean of all variants, over the same rows.
        covariance: of the contrasts.
        observations: value of each cluster and variant; what a variant lacks is predicted from the
            others' values of the cluster.
        weights: number of rows of each cluster.
        row_variance: mean variance of a variant's observations.
    """

    contrasts: FloatArray
    covariance: FloatArray
    observations: FloatArray
    weights: FloatArray
    row_variance: float


def compare_jointly(variants: Sequence[RowValues], clusters: Clusters | None = None) -> JointMeans:
    """Compare the means of variants, each of which has a value of at least one row.

    Generalized least squares with the rows as blocks.
    """
    values, weights = _observe(variants, clusters)
    present = ~np.isnan(values)
    groups, count = values.shape
    imagined = float(np.nanmax(values) - np.nanmin(values)) ** 2 / 4 or 1.0
    row_variance = float(np.mean(np.nanvar(values, axis=0))) + imagined / groups
    variances = _difference_variances(values, weights, imagined)
    centring = np.eye(count) - 1 / count
    precision, score = NO_INFORMATION / row_variance * centring, np.zeros(count)
    patterns, membership = np.unique(present, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        scored, members = np.flatnonzero(pattern), membership.ravel() == number
        weight = weights[members]
        information = _contrast_precision(variances[np.ix_(scored, scored)], imagined / groups)
        information *= weight.sum() ** 2 / (weight @ weight)
        means = np.average(values[np.ix_(members, scored)], axis=0, weights=weight)
        precision[np.ix_(scored, scored)] += information
        score[scored] += information @ means
    covariance = centring @ np.linalg.inv(precision + 1 / (count * row_variance)) @ centring
    contrasts = covariance @ score
    difficulty = np.nanmean(values - contrasts, axis=1, keepdims=True)
    filled = np.where(present, values, difficulty + contrasts)
    return JointMeans(contrasts, covariance, filled, weights, row_variance)


def _observe(
    variants: Sequence[RowValues], clusters: Clusters | None
) -> tuple[FloatArray, FloatArray]:
    """The value of each cluster and variant, NaN where it has none, and each cluster's rows."""
    rows = sorted({row for values in variants for row in values if values[row]})
    cluster_of = dict(zip(rows, cluster_numbers(rows, clusters).tolist(), strict=True))
    weights = np.bincount(list(cluster_of.values())).astype(np.float64)
    observations = np.full((len(weights), len(variants)), np.nan)
    for index, values in enumerate(variants):
        scored = [row for row in values if values[row]]
        members = [cluster_of[row] for row in scored]
        counts = np.bincount(members, minlength=len(weights))
        sums = np.bincount(members, row_means(values, scored), len(weights))
        observations[counts > 0, index] = sums[counts > 0] / counts[counts > 0]
    return observations, weights


def _difference_variances(values: FloatArray, weights: FloatArray, imagined: float) -> FloatArray:
    """Variance of the difference of each pair of variants on one cluster that both have.

    One imagined row, whose variance is `imagined` for each variant apart from the others, keeps it
    above 0. With many variants and few rows all shrink towards their mean.
    """
    groups, count = values.shape
    present, variances = ~np.isnan(values), np.zeros((count, count))
    squared_weights = weights**2 / np.mean(weights**2)
    for index in range(count):
        shared = (present & present[:, [index]]).astype(np.float64)
        differences = np.where(shared, values - values[:, [index]], 0.0)
        means = weights @ differences / np.maximum(weights @ shared, 1e-300)
        squares = squared_weights @ (shared * (differences - means) ** 2)
        variances[index] = (squares + 2 * imagined) / np.maximum(shared.sum(axis=0), 1)
    if count > 2:
        mean = (variances.sum() - np.trace(variances)) / (count * (count - 1))
        variances += count / (groups + count) * (mean - variances)
    np.fill_diagonal(variances, 0.0)
    return variances


def _contrast_precision(variances: FloatArray, least: float) -> FloatArray:
    """Inverse covariance of one row's contrasts; none has a variance below `least`."""
    count = len(variances)
    centring = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(centring @ variances @ centring / -2 + 1 / count)
    inverse = (vectors / np.maximum(values, least)) @ vectors.T
    return np.asarray(centring @ inverse @ centring, dtype=np.float64)


def posterior_draws(joint: JointMeans) -> FloatArray:
    """Draws of the true contrasts, one row each.

    Student's t in place of the normal distribution allows for the estimated covariance.
    """
    count, freedom = len(joint.contrasts), max(1, len(joint.weights) - 1)
    values, vectors = np.linalg.eigh(joint.covariance)
    values, vectors = values[1:], vectors[:, 1:]  # the first is 0: contrasts add up to 0
    measured = joint.contrasts @ vectors
    spreads = (SPREADS**2 * joint.row_variance)[:, None]
    marginal = spreads + values
    log_weights = (
        np.log(SPREADS / (1 + (SPREADS / SPREAD_SCALE) ** 2))
        - np.log(marginal).sum(axis=1) / 2
        - (freedom + count - 1) / 2 * np.log1p((measured**2 / marginal).sum(axis=1) / freedom)
    )
    weights = np.cumsum(np.exp(log_weights - log_weights.max()))
    quantiles = (np.arange(DRAWS) + 0.5) / DRAWS
    drawn = np.searchsorted(weights / weights[-1], quantiles).clip(0, len(SPREADS) - 1)
    rng = np.random.default_rng(SEED)
    noise = rng.normal(size=(DRAWS, count - 1))
    noise *= np.sqrt(freedom / rng.chisquare(freedom, DRAWS))[:, None]
    shrunk, sd = measured * spreads / marginal, np.sqrt(spreads * values / marginal)
    return np.asarray((shrunk[drawn] + sd[drawn] * noise) @ vectors.T, dtype=np.float64)
