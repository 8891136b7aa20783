"""The best of several variants: each one's support, an estimate after choosing, the Pareto front.

>>> passes = {row: [float(row % 3 > 0)] for row in range(60)}
>>> fails = {row: [float(row % 3 > 1)] for row in range(60)}
>>> selection = select_best([fails, passes], Scale(pass_fail=True))
>>> selection.best, [round(share, 2) for share in selection.support]
(1, [0.0, 1.0])
>>> pareto_front([(0.84, -0.10), (0.84, -0.30), (0.90, -0.40)])
[True, False, True]

The best of many measured means is partly the luckiest: choosing makes a mean too good.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.stats.joint_means import JointMeans, compare_jointly, posterior_draws
from workbench.stats.means import Estimate, wilson_interval
from workbench.stats.quantiles import TAIL, Quantile, row_median
from workbench.stats.sample import LEVEL, Clusters, FloatArray, RowValues, Scale, row_means
from workbench.stats.special_functions import stdtrit
from workbench.stats.verdicts import holm_adjust

SEED = 20_260_103
FOLDS, FOLD_REPEATS = 10, 20
MAX_ERROR = 0.05  # probability that the true best is not among those that may be the best


@dataclass(frozen=True, slots=True)
class BestVariant:
    """The variant that the data support most.

    Attributes:
        best: its index.
        support: of each variant, 0 to 1; their sum is 1. It orders the variants, and is no
            probability of being right: in some experiments more are right, in some fewer.
        unseen_mean: mean of the best variant on rows that took no part in the choice
            (cross-validation): choosing by a mean makes it too good, and leaves this one as it is.
    """

    best: int
    support: list[float]
    unseen_mean: float


def pareto_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """True for each point that no other point dominates: as good in all, better in one.

    More is better in every coordinate.
    """
    every = np.array(points, dtype=np.float64)
    return [
        not bool(((every >= point).all(axis=1) & (every > point).any(axis=1)).any())
        for point in every
    ]


def may_be_best(p_values: Sequence[float]) -> list[bool]:
    """True for each variant that may be the best; the true best is among them in 95% of cases.

    Each p-value is one-sided: of the hypothesis that the variant is at least as good as the
    selected one. Multiple comparisons with the best: Hsu 1984,
    https://doi.org/10.1214/aos/1176346732.
    """
    return [p > MAX_ERROR for p in holm_adjust(p_values)]


def select_best(
    variants: Sequence[RowValues], scale: Scale, clusters: Clusters | None = None
) -> BestVariant:
    """Select the variant with the most support; each one has a value of at least one row."""
    sign = 1.0 if scale.higher_is_better else -1.0
    signed = variants
    if not scale.higher_is_better:
        signed = [
            {row: [-score for score in scores] for row, scores in values.items()}
            for values in variants
        ]
    joint = compare_jointly(signed, clusters)
    support = _share_of_wins(posterior_draws(joint), joint.observations)
    best = max(range(len(variants)), key=lambda index: (support[index], joint.contrasts[index]))
    return BestVariant(best, support.tolist(), sign * _cross_validated_mean(joint))


def estimate_after_choosing(
    measured: Estimate, unseen_mean: float, contenders: int, scale: Scale
) -> Estimate:
    """The estimate of a variant that was chosen because its measured mean is the best.

    Choosing makes a mean too good and never too bad. So the better end of the interval stays, and
    the worse end allows for every variant that may be the best: simultaneous intervals over the
    plausible choices (Zrnic and Fithian 2024, https://arxiv.org/abs/2212.09009).

    Args:
        measured: the chosen variant's estimate as if it were the only one.
        unseen_mean: its mean on rows that took no part in the choice.
        contenders: number of variants that may be the best, the chosen one included.
        scale: of the metric.
    """
    if measured.tail_unknown:
        worse = min if scale.higher_is_better else max
        return replace(measured, mean=worse(unseen_mean, measured.mean))
    if measured.low is None or measured.high is None:
        return measured
    freedom = max(1, measured.clusters - 1)
    tail = (1 - LEVEL) / max(2, contenders)
    factor = float(stdtrit(freedom, 1 - tail) / stdtrit(freedom, (1 + LEVEL) / 2))
    low, high = measured.low, measured.high
    if scale.higher_is_better:
        low = _widen(measured.mean, low, factor, scale)
        mean = max(low, min(unseen_mean, measured.mean))
    else:
        high = _widen(measured.mean, high, factor, scale)
        mean = min(high, max(unseen_mean, measured.mean))
    return replace(measured, mean=mean, low=low, high=high)


def median_after_choosing(
    values: RowValues, clusters: Clusters | None, contenders: int, scale: Scale
) -> Quantile:
    """The median of the chosen variant's rows, with the ends of `estimate_after_choosing`."""
    rows = [row for row in values if values[row]]
    worse = (1 - LEVEL) / max(2, contenders)
    tails = (worse, TAIL) if scale.higher_is_better else (TAIL, worse)
    return row_median(row_means(values, rows), rows, clusters, tails)


def _widen(mean: float, end: float, factor: float, scale: Scale) -> float:
    """Move an end of an interval away from its mean: `factor` times as many standard errors."""
    if not scale.limits or not scale.width:
        return mean + (end - mean) * factor
    low = scale.limits[0]
    share, bound = (mean - low) / scale.width, (end - low) / scale.width
    if share == bound or not 0 < bound < 1:
        return end
    worth = bound * (1 - bound) / (share - bound) ** 2  # of Wilson's interval with z = 1
    return low + scale.width * wilson_interval(share, worth, factor)[0 if end < mean else 1]


def _share_of_wins(draws: FloatArray, observations: FloatArray) -> FloatArray:
    """Share of draws in which each variant has the best mean; equal variants share theirs."""
    variants = draws.shape[1]
    wins = np.bincount(draws.argmax(axis=1), minlength=variants) / len(draws)
    columns = observations.T
    group = np.array([(columns == column).all(axis=1).argmax() for column in columns])
    return np.asarray(np.bincount(group, wins)[group] / np.bincount(group)[group])


def _cross_validated_mean(joint: JointMeans) -> float:
    """The mean of the best variant of nine tenths of the clusters, over the other tenth."""
    weighted = joint.observations * joint.weights[:, None]
    groups = len(weighted)
    folds = min(FOLDS, groups)
    if folds < 2:
        return float(weighted.sum(axis=0).max() / joint.weights.sum())
    total, rng, results = joint.weights.sum(), np.random.default_rng(SEED), []
    for _ in range(FOLD_REPEATS):
        order = rng.permutation(groups) % folds
        members = (order == np.arange(folds)[:, None]).astype(np.float64)
        sums, sizes = members @ weighted, members @ joint.weights
        others = (weighted.sum(axis=0) - sums) / (total - sizes)[:, None]
        best = others >= others.max(axis=1, keepdims=True) - 1e-12
        results.append(float((sums * best).sum(axis=1) @ (1 / best.sum(axis=1))) / total)
    return float(np.mean(results))
