"""Medians and other quantiles with order-statistic intervals, which hold for any distribution.

>>> summary = summarize_times([0.3, 0.2, 0.9, 0.4, 0.2, 0.5])
>>> summary.mean, summary.median
(0.4166666666666667, Quantile(value=0.35, low=0.2, high=0.9))
>>> row_median(np.array([1.0, 1.0, 2.0, 3.0, 5.0, 60.0]), range(6))
Quantile(value=2.5, low=1.0, high=60.0)

Times and costs have long tails, so a mean of few says little. The intervals of times are about the
answers of the same run: another day has another load.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.stats.bounded import p_above
from workbench.stats.sample import LEVEL, Clusters, ClusterSums, FloatArray, cluster_numbers
from workbench.stats.special_functions import bdtr

TAIL = (1 - LEVEL) / 2  # of samples in which one end of an interval errs


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile with its 95% interval.

    Attributes:
        low, high: None where there are too few values for that end (the median needs 6, and p95 72
            for the upper one).
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class TimeSummary:
    """Times of `n` answers, in seconds; an answer that several rows share counts once."""

    n: int
    mean: float
    median: Quantile
    p95: Quantile


def summarize_times(times: Sequence[float]) -> TimeSummary | None:
    """Return the summary of these times; None if there are none."""
    if not times:
        return None
    mean = math.fsum(times) / len(times)
    ordered = np.sort(np.asarray(times, dtype=np.float64))
    return TimeSummary(len(times), mean, _quantile(ordered, 0.5), _quantile(ordered, 0.95))


def row_median(
    values: FloatArray,
    rows: Sequence[int],
    clusters: Clusters | None = None,
    tails: tuple[float, float] = (TAIL, TAIL),
) -> Quantile:
    """Return the median of these dataset rows' values, one per row.

    Of independent rows the ends are order statistics. Of clusters each end is the farthest value
    for which the share of rows beyond it may be a half: the share is tested by clusters as that of
    pass or fail is (bounded.py). `tails` are the shares of samples in which each end errs.
    """
    numbers = cluster_numbers(rows, clusters)
    if len(np.unique(numbers)) == len(values):
        ordered, count = np.sort(values), len(values)
        low, high = quantile_ranks(count, 0.5, tails[0])[0], quantile_ranks(count, 0.5, tails[1])[1]
        ends = [None if rank is None else float(ordered[rank - 1]) for rank in (low, high)]
    else:
        above = _clustered_end(-values, numbers, tails[1])
        ends = [_clustered_end(values, numbers, tails[0]), None if above is None else -above]
    return Quantile(float(np.median(values)), *ends)


def _clustered_end(values: FloatArray, numbers: NDArray[np.intp], tail: float) -> float | None:
    """Return the least value up to which half of the rows may lie; None: too few clusters.

    It is found by bisection. Of few, unequal clusters a smaller one may pass, too.
    """
    sizes = np.bincount(numbers).astype(np.float64)
    distinct = np.unique(values)

    def may_be_half(is_below: NDArray[np.bool_]) -> bool:
        sample = ClusterSums(np.bincount(numbers, is_below).astype(np.float64), sizes)
        return p_above(sample.negated(), -0.5, worst=-1.0) > tail

    if may_be_half(np.zeros_like(values, dtype=bool)):
        return None
    index = bisect_left(distinct, True, key=lambda value: may_be_half(values <= value))
    return float(distinct[index])


def quantile_ranks(n: int, share: float, tail: float = TAIL) -> tuple[int | None, int | None]:
    """Ranks from 1 of the two of n sorted values between which a quantile lies in 95% of samples.

    Each side errs in at most `tail` of samples: so many values below the quantile is a binomial
    count. None where no value is far enough out. Hahn & Meeker 1991, Statistical Intervals,
    section 5.2, https://doi.org/10.1002/9780470316771

    >>> quantile_ranks(20, 0.5), quantile_ranks(20, 0.95)
    ((6, 15), (17, None))
    """
    reach = math.ceil(6 * math.sqrt(n * share * (1 - share))) + 6  # beyond it nothing is left
    first = max(0, math.floor(n * share) - reach)
    counts = np.arange(first, min(n, math.ceil(n * share) + reach) + 1)
    below = bdtr(counts, n, share)  # P(at most so many values are below the quantile)
    low = first + int(np.searchsorted(below, tail, side="right"))
    high = first + int(np.searchsorted(below, 1 - tail)) + 1
    return (low or None), (high if high <= n else None)


def _quantile(ordered: FloatArray, share: float) -> Quantile:
    low, high = (
        None if rank is None else float(ordered[rank - 1])
        for rank in quantile_ranks(len(ordered), share)
    )
    return Quantile(float(np.quantile(ordered, share)), low, high)
