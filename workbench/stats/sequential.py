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

BISECTIONS = 40
BET_FRACTIONS = np.arange(1, 32) / 32  # of the wealth
TOLERANCE = 1e-9


def e_value(returns: ArrayLike) -> float:
    """Evidence against the null hypothesis that bets with these returns are fair or worse.

    A return is the gain from a bet of 1: from -1, the loss of it, and 0 or less on average.

    Raises:
        ValueError: a return is below -1.
    """
    distinct, counts = np.unique(np.asarray(returns, dtype=np.float64), return_counts=True)
    if distinct.size and distinct[0] < -1 - TOLERANCE:
        raise ValueError(f"a bet of 1 can't lose {-distinct[0]:g}")
    log_wealth = np.log1p(np.outer(BET_FRACTIONS, np.maximum(distinct, -1.0))) @ counts
    most = float(log_wealth.max())
    return math.exp(min(most, 700.0)) * float(np.exp(log_wealth - most).mean())


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
        # -1: the whole bet is lost, by the largest cluster with the worst values.
        evidence = e_value(self._gains(bound) / (self.max_size * (bound - self.low)))
        return 1 / evidence if evidence > 1 else 1.0

    def p_less(self, bound: float) -> float:
        """P-value of the null hypothesis that the mean is `bound` or more."""
        return self._negated.p_greater(-bound)

    @cached_property
    def _negated(self) -> "AnytimeMean":
        negated = [-value for value in self.values]
        return replace(self, values=negated, low=-self.high, high=-self.low)

    def _gains(self, bound: float) -> FloatArray:
        """The sum of each cluster's values beyond the bound."""
        sums, sizes = self._sums_and_sizes
        return sums - bound * sizes

    @cached_property
    def _sums_and_sizes(self) -> tuple[FloatArray, FloatArray]:
        values = np.asarray(self.values, dtype=np.float64)
        if self.clusters is None:
            return values, np.ones_like(values)
        sums = np.bincount(self.clusters, values).astype(np.float64)
        return sums, np.bincount(self.clusters).astype(np.float64)

    def interval(self) -> tuple[float, float]:
        """A 95% confidence sequence: it ever excludes the mean in 5% of cases at most."""
        if not self.values:
            return self.low, self.high
        mean = math.fsum(self.values) / len(self.values)

        def bisect(outer: float, *, lower: bool) -> float:
            inner = mean
            for _ in range(BISECTIONS):
                middle = (inner + outer) / 2
                p = self.p_greater(middle) if lower else self.p_less(middle)
                excluded = p <= (1 - LEVEL) / 2
                inner, outer = (inner, middle) if excluded else (middle, outer)
            return outer

        return bisect(self.low, lower=True), bisect(self.high, lower=False)
