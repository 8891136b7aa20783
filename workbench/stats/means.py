"""A metric's mean with its confidence interval.

>>> estimate = estimate_mean({0: [1.0], 1: [0.0], 2: [1.0], 3: [1.0]}, Scale(pass_fail=True))
>>> estimate.mean, round(estimate.low, 3), round(estimate.high, 3), estimate.rows
(0.75, 0.301, 0.954, 4)

    pass or fail            Wilson's interval; the exact binomial test
    numbers with a range,   at each end the farther of two bounds: Wilson's of the mean scaled to
    repeats, clusters       0..1, by what the rows are worth; and that with a row added at the worst
                            end of the range (bounded.py)
    numbers without one     below 350 clusters none, but one of the median; then the widest of
                            Student's t, the same corrected for skew, and that with a row added
                            beyond the farthest

The mean is over rows: a row's repeats are averaged first, and a row with fewer of them weighs the
same. Rows of one cluster are correlated: the cluster is the unit of the interval.
"""

import math
from dataclasses import dataclass, replace

from workbench.stats.bounded import lower_bound, p_above
from workbench.stats.quantiles import Quantile, row_median
from workbench.stats.sample import (
    LEVEL,
    MIN_UNRANGED,
    Clusters,
    ClusterSums,
    RowValues,
    Scale,
    row_means,
)
from workbench.stats.skewness import skew_corrected_p, unranged_interval
from workbench.stats.special_functions import bdtr, ndtri, stdtrit


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over rows with its 95% interval.

    Attributes:
        low, high: within the metric's range; None for a single cluster of several values or of a
            number, where `tail_unknown`, and where a metric without a range always has the same.
        rows: dataset rows with a value.
        clusters: groups of rows that are independent of each other.
        tail_unknown: the mean has no interval, for the metric has no range and so few rows may lack
            rare large values.
        median: of the rows, with its interval, where `tail_unknown`; else None.
    """

    mean: float
    low: float | None
    high: float | None
    rows: int
    clusters: int
    tail_unknown: bool = False
    median: Quantile | None = None


def estimate_mean(
    values: RowValues, scale: Scale, clusters: Clusters | None = None
) -> Estimate | None:
    """The mean over the rows that have values, with its interval; None without values."""
    sample = _cluster_sums(values, clusters)
    if sample is None:
        return None
    interval, median = None, None
    if _is_binary(values, sample, scale):
        interval = wilson_interval(sample.mean, sample.rows, float(ndtri((1 + LEVEL) / 2)))
    elif scale.limits:
        interval = _bounded_interval(sample, *scale.limits) if sample.clusters > 1 else None
    elif sample.clusters < MIN_UNRANGED:
        rows = [row for row in values if values[row]]
        median = row_median(row_means(values, rows), rows, clusters)
    else:
        interval = unranged_interval(sample)
    low, high = enclosing(interval, sample.mean)
    counts = sample.rows, sample.clusters
    return Estimate(sample.mean, low, high, *counts, median is not None, median)


def p_mean_less(
    values: RowValues, bound: float, scale: Scale, clusters: Clusters | None = None
) -> float:
    """One-sided p-value of the null hypothesis that the mean is `bound` or more.

    The exact binomial test for pass or fail without repeats and clusters. Otherwise a row is added
    at the upper end of the range; without a range twice as far above the bound as the farthest row
    is from it, and Student's t, corrected for skew, must agree.
    """
    sample = _cluster_sums(values, clusters)
    if sample is None:
        return 1.0
    if _is_binary(values, sample, scale):
        passed = round(math.fsum(sample.sums))
        return float(bdtr(passed, sample.rows, min(max(bound, 0.0), 1.0)))
    mirrored = sample.negated()
    if scale.limits:
        return p_above(mirrored, -bound, worst=-scale.limits[1])
    farthest = float(abs(sample.sums / sample.sizes - bound).max())
    p = p_above(mirrored, -bound, worst=-bound - 2 * farthest)
    return max(p, skew_corrected_p(mirrored, -bound))


def p_mean_greater(
    values: RowValues, bound: float, scale: Scale, clusters: Clusters | None = None
) -> float:
    """One-sided p-value of the null hypothesis that the mean is `bound` or less."""
    top = 1.0 if scale.pass_fail else 0.0
    mirrored = {row: [top - value for value in repeats] for row, repeats in values.items()}
    low, high = (None if end is None else top - end for end in (scale.high, scale.low))
    return p_mean_less(mirrored, top - bound, replace(scale, low=low, high=high), clusters)


def _cluster_sums(values: RowValues, clusters: Clusters | None) -> ClusterSums | None:
    rows = [row for row in values if values[row]]
    return ClusterSums.of_rows(row_means(values, rows), rows, clusters) if rows else None


def _is_binary(values: RowValues, sample: ClusterSums, scale: Scale) -> bool:
    """True if independent rows have one value each, 0 or 1."""
    answers = sum(map(len, values.values()))
    return scale.pass_fail and answers == sample.rows == sample.clusters


def enclosing(
    interval: tuple[float, float] | None, mean: float
) -> tuple[float, float] | tuple[None, None]:
    """The interval, with the mean in it whatever its last digits are."""
    if interval is None:
        return None, None
    return min(interval[0], mean), max(interval[1], mean)


def wilson_interval(share: float, n: float, z: float) -> tuple[float, float]:
    """Score interval of a proportion; `z` is the normal quantile of the level.

    Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _bounded_interval(sample: ClusterSums, least: float, most: float) -> tuple[float, float]:
    """At each end the farther of Wilson's bound and that with a row added at the worst end.

    The rows are worth so many independent pass or fail rows as would have the mean's variance. A
    cluster of the largest size at the far end, which may not have been seen, is a floor of that
    variance, so that a few values near an end are no certainty.
    """
    width = most - least
    share = min(max((sample.mean - least) / width, 0.0), 1.0)
    unseen = max(share, 1 - share) * float(sample.sizes.max()) / sample.rows
    variance = max(sample.variance / width**2, unseen**2)
    worth = max(sample.effective_clusters, share * (1 - share) / variance)
    quantile = float(stdtrit(sample.clusters - 1, (1 + LEVEL) / 2))
    low, high = wilson_interval(share, worth, quantile)
    return (
        min(least + width * low, lower_bound(sample, worst=least)),
        max(least + width * high, -lower_bound(sample.negated(), worst=-most)),
    )
