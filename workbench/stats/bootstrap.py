"""Bootstrap interval of a statistic that exists only for a whole column of rows, such as an RMSE.

>>> values = np.array([2.0, 4.0, 6.0, 8.0])
>>> interval = bootstrap_interval(lambda rows: values[rows].mean(), [0, 1, 2, 3], limit_s=5)
>>> interval.resamples, interval.low < 5.0 < interval.high
(1000, True)

Clusters of rows are drawn with replacement, each with all its rows, and the statistic is computed
again of every resample. The interval lies between the 2.5% and 97.5% percentiles of these values
(the percentile bootstrap: Efron and Tibshirani 1993, chapter 13).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.stats.sample import LEVEL

RESAMPLES = 1_000
MIN_RESAMPLES = 200  # with a statistic; with fewer there is no interval
SEED = 20_261_128
RowIndexes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class BootstrapInterval:
    """A percentile interval.

    Attributes:
        low, high: None for a single cluster, too few resamples, or if hardly a resample differs.
        resamples: that have a finite statistic.
    """

    low: float | None
    high: float | None
    resamples: int


def bootstrap_interval(
    statistic: Callable[[RowIndexes], float], clusters: Sequence[int], *, limit_s: float
) -> BootstrapInterval:
    """Return the interval of `statistic`, a function of row indexes that may repeat.

    Args:
        statistic: a value that is not finite, or a ValueError, leaves its resample out.
        clusters: number of each row's cluster.
        limit_s: seconds after which no other resample is drawn.
    """
    labels, sizes = np.unique(np.asarray(clusters), return_inverse=True, return_counts=True)[1:]
    members = np.split(np.argsort(labels, kind="stable"), np.cumsum(sizes)[:-1])
    if len(members) < 2:
        return BootstrapInterval(None, None, 0)
    generator = np.random.default_rng(SEED)
    values: list[float] = []
    deadline = time.monotonic() + limit_s
    for _ in range(RESAMPLES):
        if time.monotonic() > deadline:
            break
        drawn = generator.integers(len(members), size=len(members))
        try:
            values.append(statistic(np.concatenate([members[cluster] for cluster in drawn])))
        except ValueError:  # a resample without the label that the statistic is about
            continue
    finite = np.array([value for value in values if np.isfinite(value)])
    if len(finite) < MIN_RESAMPLES:
        return BootstrapInterval(None, None, len(finite))
    low, high = np.quantile(finite, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if np.isclose(low, high, rtol=1e-9, atol=0):  # the rows don't show how much it varies
        return BootstrapInterval(None, None, len(finite))
    return BootstrapInterval(float(low), float(high), len(finite))
