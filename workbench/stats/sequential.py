"""Tests and intervals that hold at every look while rows come in.

>>> e_value([1.0] * 20) > 1_000                  # evidence against "the mean is 0 or less"
True
>>> AnytimeMean([1.0] * 5, -1.0, 1.0).p_greater(0.0) < 0.25      # as an anytime-valid p-value
True

The e-value is the wealth of a bettor who starts with 1 and bets on every cluster of rows at odds
that are fair under the null hypothesis. Under it the wealth ever reaches 1/α with probability α at
most (Ville 1939), however often one looks and whenever one stops (Waudby-Smith & Ramdas 2024,
https://doi.org/10.1093/jrsssb/qkad009). The bets are a fixed mixture of fractions of the wealth, so
the order of the clusters makes no difference. A look must not come between the rows of a cluster.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from workbench.stats.sample import (
    LEVEL,
    Clusters,
    FloatArray,
    RowValues,
    cluster_numbers,
    max_cluster_size,
    row_means,
)

STEPS, ROUNDS = 32, 6  # of the search for an interval's end
BET_FRACTIONS = np.arange(1, 32) / 32  # of the wealth
TOLERANCE = 1e-9


def e_value(returns: ArrayLike) -> float:
    """Evidence against the null hypothesis that bets with these returns are fair or worse.

    A return is the gain from a bet of 1: from -1, the loss of it, and 0 or less on average.

    Raises:
        ValueError: a return is below -1.
    """
    distinct, counts = np.unique(np.asarray(returns, dtype=np.float64), return_counts=True)
    return float(_e_values(distinct[None, :], counts)[0])


def _e_values(returns: FloatArray, counts: ArrayLike) -> FloatArray:
    """The e-value of each line of a table of returns; `counts` is how often each column came."""
    if returns.size and returns.min() < -1 - TOLERANCE:
        raise ValueError(f"a bet of 1 can't lose {-returns.min():g}")
    bets = BET_FRACTIONS[:, None] * np.maximum(returns, -1.0)[:, None, :]
    log_wealth = np.log1p(bets) @ np.asarray(counts, dtype=np.float64)
    most = log_wealth.max(axis=1)
    scaled = np.exp(log_wealth - most[:, None]).mean(axis=1)
    return np.asarray(np.exp(np.minimum(most, 700.0)) * scaled)


def adjust_e_values(e_values: Sequence[float]) -> list[float]:
    """E-values adjusted for each other: those of 20 or more hold together at 5%.

    Closed testing, where the evidence against several null hypotheses together is the mean of
    their e-values (Vovk & Wang 2021, https://doi.org/10.1214/20-AOS2020).

    >>> adjust_e_values([0.1, 200.0, 50.0, 30.0])
    [0.1, 70.025, 25.05, 15.05]
    """
    ascending = np.sort(np.asarray(e_values, dtype=np.float64))
    # A set's smallest mean: the e-value itself with the m smallest of all (itself twice: no less).
    smallest = np.concatenate([[0.0], np.cumsum(ascending)[:-1]])
    sizes = np.arange(1, len(ascending) + 1)
    return [float(np.min((value + smallest) / sizes)) for value in e_values]


@dataclass(frozen=True)
class AnytimeMean:
    """Anytime-valid inference on the mean of rows.

    Attributes:
        values: one per row.
        low, high: the least and the greatest possible value.
        clusters: the number of each value's cluster, from 0; None: each row is its own.
        max_size: the most rows that a cluster can have, fixed in advance.

    Raises:
        ValueError: a value is not from `low` to `high`.
    """

    values: Sequence[float]
    low: float
    high: float
    clusters: Sequence[int] | None = None
    max_size: int = 1

    @classmethod
    def of_rows(
        cls, values: RowValues, limits: tuple[float, float], clusters: Clusters | None = None
    ) -> "AnytimeMean":
        """Build the inference from values by row, of which repeats are averaged."""
        rows = list(values)
        numbers = cluster_numbers(rows, clusters).tolist() if clusters else None
        means = row_means(values, rows).tolist()
        return cls(means, *limits, numbers, max_cluster_size(clusters))

    def __post_init__(self) -> None:
        slack = TOLERANCE * (self.high - self.low)
        if any(not self.low - slack <= value <= self.high + slack for value in self.values):
            raise ValueError(f"a value is not from {self.low:g} to {self.high:g}")

    def p_greater(self, bound: float) -> float:
        """P-value of the null hypothesis that the mean is `bound` or less."""
        if bound <= self.low:
            return 0.0 if bound < self.low else 1.0
        return float(self._p_greater(np.array([bound]))[0])

    def _p_greater(self, bounds: FloatArray) -> FloatArray:
        """The p-values of several bounds, all above `low`."""
        sums, sizes, counts = self._distinct_clusters
        # -1: the whole bet is lost, by the largest cluster with the worst values.
        gains = sums - bounds[:, None] * sizes
        returns = gains / (self.max_size * (bounds[:, None] - self.low))
        return 1 / np.maximum(_e_values(returns, counts), 1.0)

    def p_less(self, bound: float) -> float:
        """P-value of the null hypothesis that the mean is `bound` or more."""
        return self._negated.p_greater(-bound)

    @cached_property
    def _negated(self) -> "AnytimeMean":
        negated = [-value for value in self.values]
        return replace(self, values=negated, low=-self.high, high=-self.low)

    @cached_property
    def _distinct_clusters(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The sum and the size of each distinct cluster, and how many clusters are like it."""
        values = np.asarray(self.values, dtype=np.float64)
        if self.clusters is None:
            sums, counts = np.unique(values, return_counts=True)
            return sums, np.ones_like(sums), counts.astype(np.float64)
        pairs = np.stack([np.bincount(self.clusters, values), np.bincount(self.clusters)])
        distinct, counts = np.unique(pairs, axis=1, return_counts=True)
        return distinct[0], distinct[1], counts.astype(np.float64)

    def interval(self) -> tuple[float, float]:
        """A 95% confidence sequence: it ever excludes the mean in 5% of cases at most."""
        if not self.values:
            return self.low, self.high
        return self._lower_end(), -self._negated._lower_end()

    def _lower_end(self) -> float:
        """The greatest bound that the mean is shown to exceed, by a search in ever finer steps."""
        lower, upper = self.low, math.fsum(self.values) / len(self.values)
        for _ in range(ROUNDS):
            bounds = np.linspace(lower, upper, STEPS + 1)[1:]
            if bounds[0] <= self.low:  # the mean is at the end of the range, or next to it
                return lower
            excluded = int(np.count_nonzero(self._p_greater(bounds) <= (1 - LEVEL) / 2))
            lower, upper = (
                bounds[excluded - 1] if excluded else lower,
                bounds[min(excluded, STEPS - 1)],
            )
        return float(lower)
