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
from dataclasses import dataclass, fields

import numpy as np

from workbench.stats.means import LEVEL
from workbench.stats.pairs import Difference, PairedRows, RowValues, Scale, paired_difference

BISECTIONS = 40
BET_FRACTIONS = np.arange(1, 32) / 32  # of the wealth


def e_value(
    values: Sequence[float], *, bound: float, low: float = -1.0, high: float = 1.0
) -> float:
    """Evidence of these rows against the null hypothesis that the mean is `bound` or less.

    Args:
        values: one per row, from `low` to `high`.
        bound: the greatest mean under the null hypothesis, above `low`.
        low: the least possible value.
        high: the greatest possible value.

    Raises:
        ValueError: a value is out of range.
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


@dataclass(frozen=True)
class AnytimeDifference(Difference):
    """A `Difference` whose p-values and interval hold at every look at the rows."""

    sequence: AnytimeMean

    @property
    def anytime_valid(self) -> bool:
        """See `Difference`."""
        return True

    def p_greater(self, bound: float) -> float:
        """See `Difference`."""
        return self.sequence.p_greater(bound)

    def p_less(self, bound: float) -> float:
        """See `Difference`."""
        return self.sequence.p_less(bound)


def _to_p(evidence: float) -> float:
    return 1 / evidence if evidence > 1 else 1.0


def paired_sequence(first: RowValues, second: RowValues, width: float) -> AnytimeMean:
    """The second's values minus the first's on the rows that both have a value of.

    Args:
        first: values by row; a row counts with the mean of its repeats.
        second: likewise.
        width: how far apart two values can be.
    """
    pairs = PairedRows.match(first, second, Scale(low=0.0, high=width))
    return AnytimeMean(pairs.differences.tolist(), -width, width)


def anytime_difference(
    first: RowValues, second: RowValues, scale: Scale
) -> AnytimeDifference | None:
    """The difference of the second from the first; None where no row has a value in both.

    Raises:
        ValueError: the scale has no least or no greatest value.
    """
    if scale.width is None:
        raise ValueError("an anytime-valid test needs a metric with a range")
    difference = paired_difference(first, second, scale)
    if not difference:
        return None
    sequence = paired_sequence(first, second, scale.width)
    low, high = sequence.interval()
    attributes = {field.name: getattr(difference, field.name) for field in fields(difference)}
    p = min(1.0, 2 * min(sequence.p_greater(0.0), sequence.p_less(0.0)))
    attributes |= {"low": low, "high": high, "p": p, "test": "betting (any time)"}
    return AnytimeDifference(**attributes, sequence=sequence)
