"""A metric's mean with its confidence interval.

>>> estimate = estimate_mean({0: [1.0], 1: [0.0], 2: [1.0], 3: [1.0]}, Scale(pass_fail=True))
>>> estimate.mean, round(estimate.low, 3), round(estimate.high, 3), estimate.rows
(0.75, 0.301, 0.954, 4)

    pass or fail      Wilson's interval; with repeats, for the effective sample size
    numbers           Student's t, corrected for skew: scores pile up at one end of a scale

The mean is over rows: a row's repeats are averaged first, and a row with fewer of them weighs the
same. Rows of one cluster are correlated: the cluster is the unit of the interval.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import bdtr, ndtri, stdtr, stdtrit

from workbench.stats.sample import (
    LEVEL,
    Clusters,
    FloatArray,
    RowValues,
    Scale,
    cluster_numbers,
    row_means,
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over rows with its 95% interval.

    Attributes:
        low, high: None for a single cluster of several values or of a number.
        rows: dataset rows with a value.
        clusters: groups of rows that are independent of each other.
    """

    mean: float
    low: float | None
    high: float | None
    rows: int
    clusters: int


def estimate_mean(
    values: RowValues, scale: Scale, clusters: Clusters | None = None
) -> Estimate | None:
    """The mean over the rows that have values, with its interval; None without values."""
    rows = [row for row in values if values[row]]
    if not rows:
        return None
    means = row_means(values, rows)
    mean = math.fsum(means) / len(rows)
    sums = _cluster_sums(means - mean, rows, clusters)
    answers = sum(len(values[row]) for row in rows)
    low = high = None
    if scale.pass_fail and answers == len(rows) == len(sums):
        low, high = wilson_interval(mean, answers, float(ndtri((1 + LEVEL) / 2)))
    elif len(sums) > 1:
        deviations = sums * (len(sums) / len(rows))  # of each cluster's contribution to the mean
        if scale.pass_fail:
            low, high = _clustered_wilson_interval(mean, answers, deviations)
        else:
            low, high = _skew_corrected_interval(mean, deviations)
    return Estimate(mean, low, high, len(rows), len(sums))


def p_mean_less(
    values: RowValues, bound: float, scale: Scale, clusters: Clusters | None = None
) -> float:
    """One-sided p-value of the null hypothesis that the mean is `bound` or more.

    The exact binomial test for pass or fail without repeats, else Student's t over clusters.
    """
    rows = [row for row in values if values[row]]
    if not rows:
        return 1.0
    means = row_means(values, rows)
    mean = math.fsum(means) / len(rows)
    sums = _cluster_sums(means - mean, rows, clusters)
    answers = sum(len(values[row]) for row in rows)
    if scale.pass_fail and answers == len(rows) == len(sums):
        return float(bdtr(round(mean * answers), answers, min(max(bound, 0.0), 1.0)))
    groups = len(sums)
    variance = float(sums @ sums) * groups / (groups - 1) / len(rows) ** 2 if groups > 1 else 0.0
    if not variance:
        return 1.0 if groups < 2 or mean >= bound else 0.0
    return float(stdtr(groups - 1, (mean - bound) / math.sqrt(variance)))


def p_mean_greater(
    values: RowValues, bound: float, scale: Scale, clusters: Clusters | None = None
) -> float:
    """One-sided p-value of the null hypothesis that the mean is `bound` or less."""
    top = 1.0 if scale.pass_fail else 0.0
    mirrored = {row: [top - value for value in repeats] for row, repeats in values.items()}
    low, high = (None if end is None else top - end for end in (scale.high, scale.low))
    return p_mean_less(mirrored, top - bound, replace(scale, low=low, high=high), clusters)


def _cluster_sums(
    deviations: FloatArray, rows: Sequence[int], clusters: Clusters | None
) -> FloatArray:
    """The sum of each cluster's deviations from the mean over rows."""
    return np.bincount(cluster_numbers(rows, clusters), deviations).astype(np.float64)


def wilson_interval(share: float, n: float, z: float) -> tuple[float, float]:
    """Score interval of a proportion; `z` is the normal quantile of the level.

    Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def t_interval(mean: float, deviations: FloatArray) -> tuple[float, float]:
    """Student's interval of a mean, from each row's deviation; two rows at least."""
    n = len(deviations)
    variance = float(deviations @ deviations) / (n - 1) / n
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * math.sqrt(variance)
    return mean - half, mean + half


def _skew_corrected_interval(mean: float, deviations: FloatArray) -> tuple[float, float]:
    """Student's interval on a scale on which the mean is not skewed.

    Hall 1992, "On the removal of skewness by transformation",
    https://doi.org/10.1111/j.2517-6161.1992.tb01876.x. With 20 exponential values plain t covers
    the true mean in 91% of cases, the bootstrap (BCa) in 88%, this in 94%.
    """
    rows = len(deviations)
    sd = math.sqrt(float(deviations @ deviations) / (rows - 1))
    if not sd:
        return mean, mean
    skew = float(np.mean(deviations**3)) / sd**3 / 3
    root, quantile = math.sqrt(rows), float(stdtrit(rows - 1, (1 + LEVEL) / 2))

    def to_t_scale(transformed: float) -> float:
        centred = transformed - skew / (2 * root)
        if abs(skew) < 1e-9:
            return centred
        return float(np.cbrt(1 + 3 * skew * centred / root) - 1) * root / skew

    standard_error = sd / root
    return (
        mean - standard_error * to_t_scale(quantile),
        mean - standard_error * to_t_scale(-quantile),
    )


def _clustered_wilson_interval(mean: float, n: int, deviations: FloatArray) -> tuple[float, float]:
    """Wilson's interval for the effective sample size, from the rows to all values."""
    rows = len(deviations)
    variance = float(deviations @ deviations) / (rows - 1) / rows
    effective = mean * (1 - mean) / variance if variance else rows
    quantile = float(stdtrit(rows - 1, (1 + LEVEL) / 2))
    return wilson_interval(mean, min(max(effective, rows), n), quantile)
