"""Mean, median and 95th percentile of answer times, with order-statistic intervals.

>>> summary = summarize_times([0.3, 0.2, 0.9, 0.4, 0.2, 0.5])
>>> summary.mean, summary.median
(0.4166666666666667, Quantile(value=0.35, low=0.2, high=0.9))

Times have long tails, so a mean of few says little. The intervals assume nothing about the
distribution. They are about the answers of the same run: another day has another load.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from workbench.stats.sample import LEVEL


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile with its 95% interval.

    Attributes:
        low, high: None where there are too few values for that end (p95: 72 for the upper one).
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


def quantile_ranks(n: int, share: float) -> tuple[int | None, int | None]:
    """Ranks from 1 of the two of n sorted values between which a quantile lies in 95% of samples.

    Each side errs in at most 2.5% of samples: so many values below the quantile is a binomial
    count. None where no value is far enough out. Hahn & Meeker 1991, Statistical Intervals,
    section 5.2, https://doi.org/10.1002/9780470316771

    >>> quantile_ranks(20, 0.5), quantile_ranks(20, 0.95)
    ((6, 15), (17, None))
    """
    tail = (1 - LEVEL) / 2
    reach = math.ceil(6 * math.sqrt(n * share * (1 - share))) + 6  # beyond it nothing is left
    first = max(0, math.floor(n * share) - reach)
    counts = np.arange(first, min(n, math.ceil(n * share) + reach) + 1)
    below = bdtr(counts, n, share)  # P(at most so many values are below the quantile)
    low = first + int(np.searchsorted(below, tail, side="right"))
    high = first + int(np.searchsorted(below, 1 - tail)) + 1
    return (low or None), (high if high <= n else None)


def _quantile(ordered: np.typing.NDArray[np.float64], share: float) -> Quantile:
    low, high = (
        None if rank is None else float(ordered[rank - 1])
        for rank in quantile_ranks(len(ordered), share)
    )
    return Quantile(float(np.quantile(ordered, share)), low, high)
