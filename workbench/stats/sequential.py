"""Tests and intervals that hold at every look while rows come in.

>>> e_value([1.0] * 20, bound=0.0) > 1_000       # evidence against "the mean is 0 or less"
True
>>> AnytimeMean([1.0] * 5, -1.0, 1.0).p_greater(0.0) < 0.25      # as an anytime-valid p-value
True

The e-value is the wealth of a bettor who starts with 1 and bets on every row at odds that are fair
under the null hypothesis. Under it the wealth ever reaches 1/α with probability α at most (Ville
1939), however often one looks and whenever one stops (Waudby-Smith & Ramdas 2024,
https://doi.org/10.1093/jrsssb/qkad009). The bets are a fixed mixture of fractions of the wealth, so
the order of the rows makes no difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.stats.sample import LEVEL

BISECTIONS = 40
BET_FRACTIONS = np.arange(1, 32) / 32  # of the wealth


def e_value(
    values: Sequence[float], *, bound: float, low: float = -1.0, high: float = 1.0
) -> float:
    """Evidence of these rows against the null hypothesis that the mean is `bound` or less.

    Raises:
        ValueError: a value is not from `low` to `high`.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.size and (rows.min() < low - 1e-9 or rows.max() > high + 1e-9):
        raise ValueError(f"a value is not from {low:g} to {high:g}")
    if bound <= low:
        return math.inf if bound < low else 1.0
    distinct, counts = np.unique(rows, return_counts=True)
    returns = (distinct - bound) / (bound - low)  # -1: the whole bet is lost
    log_wealth = np.log1p(np.outer(BET_FRACTIONS, np.maximum(returns, -1.0))) @ counts
    most = float(log_wealth.max())
    return math.exp(min(most, 700.0)) * float(np.exp(log_wealth - most).mean())


@dataclass(frozen=True)
class AnytimeMean:
    """Anytime-valid inference on the mean of rows.

    Attributes:
        values: one per row.
        low, high: the least and the greatest possible value.
    """

    values: Sequence[float]
    low: float
    high: float

    def p_greater(self, bound: float) -> float:
        """P-value of the null hypothesis that the mean is `bound` or less."""
        return _to_p(e_value(self.values, bound=bound, low=self.low, high=self.high))

    def p_less(self, bound: float) -> float:
        """P-value of the null hypothesis that the mean is `bound` or more."""
        negated = [-value for value in self.values]
        return _to_p(e_value(negated, bound=-bound, low=-self.high, high=-self.low))

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


def _to_p(evidence: float) -> float:
    return 1 / evidence if evidence > 1 else 1.0
