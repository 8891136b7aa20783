"""Rows' contributions to a statistic that exists only for a whole column, such as a macro F1.

>>> values = np.array([2.0, 4.0, 6.0, 8.0])
>>> jackknife = delete_groups(lambda rows: float(values[rows].mean()), [0, 1, 2, 3], limit_s=5)
>>> jackknife.value, [round(value, 6) for value in jackknife.contributions.values()]
(5.0, [2.0, 4.0, 6.0, 8.0])

The statistic is computed again without each group of rows. The rows' contributions have it as their
mean, and its variance as the variance of this mean (J. W. Tukey, Ann. Math. Stat. 29 (1958) 614),
so two variants can be compared row by row. Statistics that jump, as a maximum does, have none.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workbench.stats.means import wilson_interval
from workbench.stats.sample import LEVEL, Clusters, ClusterSums, FloatArray
from workbench.stats.special_functions import stdtr, stdtrit

MAX_GROUPS = 500  # with more clusters, GROUPS of them are left out together
GROUPS = 200
RESAMPLES = 200  # of the bootstrap that the jackknife's error is held against
MOST_RATIO = 1.6  # of the two errors, for a statistic that doesn't jump
FEWEST = 3  # groups that change the statistic
SEED = 20_261_130
RowIndexes = NDArray[np.intp]
Statistic = Callable[[RowIndexes], float]
JUMPS = "it has no interval, because it hangs on single rows"


@dataclass(frozen=True, slots=True)
class Jackknife:
    """A statistic with the contributions of groups of rows.

    Attributes:
        value: of all rows; NaN: there is none.
        contributions: by group; their mean over rows is `value`. Empty: there are none.
        problem: the reason why there are none.
    """

    value: float
    contributions: Mapping[int, float] = field(default_factory=dict)
    problem: str = ""


def cluster_groups(clusters: Clusters | None, rows: int) -> Sequence[int]:
    """The group of each dataset row: its cluster, or one of 200 where there are many.

    None: each row is its own cluster.
    """
    numbers = range(rows) if clusters is None else clusters
    if max(numbers, default=0) < MAX_GROUPS:
        return numbers
    return [number % GROUPS for number in numbers]


def delete_groups(statistic: Statistic, groups: Sequence[int], *, limit_s: float) -> Jackknife:
    """Compute the statistic of all rows, and without each group.

    Args:
        statistic: of row indexes, which may repeat.
        groups: of each row.
        limit_s: seconds after which it gives up.

    Raises whatever `statistic` raises for all rows.
    """
    labels, numbers = np.unique(np.asarray(groups), return_inverse=True)
    count, rows = len(labels), np.arange(len(numbers))
    value = statistic(rows)
    if math.isnan(value):
        return Jackknife(value)
    if count < 2:
        return Jackknife(value, problem="it has no interval, because all rows depend on each other")
    deadline = time.monotonic() + limit_s
    others = np.empty(count)
    for group in range(count):
        others[group] = _value(statistic, rows[numbers != group])
        if time.monotonic() > deadline:
            return Jackknife(value, problem=f"its interval takes longer than {limit_s:g} s")
    if not np.isfinite(others).all():
        return Jackknife(value, problem="it has no value without some of the rows")
    sizes = np.bincount(numbers)
    shifts = (value - others) * (len(rows) - sizes) / sizes
    changing = int(np.count_nonzero(shifts))
    shifts -= float(shifts @ sizes) / len(rows)
    if changing and (changing < FEWEST or _jumps(statistic, numbers, shifts * sizes, deadline)):
        return Jackknife(value, problem=JUMPS)
    contributions = zip(labels.tolist(), (value + shifts).tolist(), strict=True)
    return Jackknife(value, dict(contributions))


def _value(statistic: Statistic, rows: RowIndexes) -> float:
    try:
        return statistic(rows)
    except (ValueError, ZeroDivisionError):  # rows without what the statistic is about
        return math.nan


def _jumps(statistic: Statistic, numbers: RowIndexes, sums: FloatArray, deadline: float) -> bool:
    """True if the contributions' variance is not that of the statistic."""
    count = len(sums)
    error = math.sqrt(float(sums @ sums) * count / (count - 1)) / len(numbers)
    if not error:
        return False
    generator = np.random.default_rng(SEED)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    values: list[float] = []
    while len(values) < RESAMPLES and time.monotonic() < deadline:
        drawn = generator.integers(count, size=count)
        values.append(_value(statistic, np.concatenate([members[group] for group in drawn])))
    finite = np.array([value for value in values if math.isfinite(value)])
    if len(finite) < RESAMPLES / 2:
        return True
    return not 1 / MOST_RATIO < float(finite.std()) / error < MOST_RATIO


@dataclass(frozen=True)
class ColumnMean:
    """A statistic of all rows with its interval and tests, from the rows' contributions.

    With limits they are Wilson's of as many passes and failures as have this variance, else t's.

    Attributes:
        sample: contributions of rows, by group; two groups at least.
        limits: least and greatest value of the statistic; None: unknown.
        unseen: variance of rows that may be missing by chance.
        reach: the value up to which the interval goes, in any case; None: as far as its rows say.
    """

    sample: ClusterSums
    limits: tuple[float, float] | None
    unseen: float = 0.0
    reach: float | None = None

    @property
    def mean(self) -> float:
        """The statistic."""
        return self.sample.mean

    @property
    def low(self) -> float | None:
        """The lower end of the 95% interval; None: there is none."""
        return self._interval[0]

    @property
    def high(self) -> float | None:
        """The upper end of the 95% interval; None: there is none."""
        return self._interval[1]

    def p_greater(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that it is `bound` or less."""
        return self._tail((bound - self.mean), bound)

    def p_less(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that it is `bound` or more."""
        return self._tail((self.mean - bound), bound)

    def _tail(self, distance: float, bound: float) -> float:
        error = math.sqrt(self._variance)
        if self.limits is not None:
            share = self._share(bound)
            error = self._width * math.sqrt(share * (1 - share) / self._worth)
        if not error:
            return 1.0 if distance >= 0 else 0.0
        return float(stdtr(self._freedom, distance / error))

    @cached_property
    def _interval(self) -> tuple[float, float] | tuple[None, None]:
        quantile = float(stdtrit(self._freedom, (1 + LEVEL) / 2))
        if self.limits is None:
            half = quantile * math.sqrt(self._variance)
            return (self.mean - half, self.mean + half) if half else (None, None)
        low, high = wilson_interval(self._share(self.mean), self._worth, quantile)
        ends = [self.limits[0] + self._width * end for end in (low, high)]
        ends += [] if self.reach is None else [self.reach]
        return min(ends), max(ends)

    @cached_property
    def _freedom(self) -> float:
        return self.sample.clusters - 1

    @cached_property
    def _worth(self) -> float:
        """The number of passes and failures that would have this variance, at most all groups."""
        variance, least = self._variance / self._width**2, math.sqrt(self.unseen) / self._width
        least = min(least, 0.5)
        share = min(max(self._share(self.mean), least), 1 - least)
        most = self.sample.effective_clusters
        return min(most, max(share * (1 - share) / variance, 1.0)) if variance else most

    @property
    def _variance(self) -> float:
        return max(self.sample.variance, self.unseen)

    @property
    def _width(self) -> float:
        return self.limits[1] - self.limits[0] if self.limits else 1.0

    def _share(self, value: float) -> float:
        low = self.limits[0] if self.limits else 0.0
        return min(max((value - low) / self._width, 0.0), 1.0)
