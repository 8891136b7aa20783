"""A test that may be looked at again and again while rows come in, and still keeps its promise.

evidence([0.0, 1.0, 1.0, …], bound=0.0)    24.1: against "the mean is 0 or less", 24 to 1
Watched([0.0, 1.0, 1.0, …], -1.0, 1.0).above(0.0)           0.041: as a p, at whatever time
watched_difference(first, second, scale)   a Difference whose p and interval hold at every look

A bet on each row against the hypothesis, at fair odds under it: what one unit has grown to is the
evidence. Under the hypothesis it ever reaches 1/α with a chance of α at the most (Ville 1939),
however often one looks and whenever one stops (Waudby-Smith & Ramdas 2024,
https://doi.org/10.1093/jrsssb/qkad009). The bets are a fixed mixture of shares of the stake, so the
order of the rows makes no difference.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from workbench.stats.means import LEVEL
from workbench.stats.pairs import Difference, Pairs, Rows, Scale, difference

HALVINGS = 40  # of the range, until an interval's end is found
SHARES = np.arange(1, 32) / 32  # of the stake that is bet on each row


def evidence(
    values: Sequence[float], *, bound: float, low: float = -1.0, high: float = 1.0
) -> float:
    """How strongly these rows speak against a mean of `bound` or less.

    Args:
        values: of each row; none below `low` or above `high`.
        bound: the greatest mean of the hypothesis, above `low`.
        low: the least value there can be.
        high: the greatest.

    Raises:
        ValueError: a value is out of range, or the bound leaves nothing to bet on.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.size and (rows.min() < low - 1e-9 or rows.max() > high + 1e-9):
        raise ValueError(f"a value beyond {low:g} to {high:g}")
    if bound <= low:
        return math.inf if bound < low else 1.0
    distinct, times = np.unique(rows, return_counts=True)
    steps = (distinct - bound) / (bound - low)  # -1 where all that is bet is lost
    grown = np.log1p(np.outer(SHARES, np.maximum(steps, -1.0))) @ times  # as logarithms
    most = float(grown.max())
    return math.exp(min(most, 700.0)) * float(np.exp(grown - most).mean())


@dataclass(frozen=True)
class Watched:
    """The mean of rows that may be looked at after every one of them.

    Attributes:
        values: of each row.
        low, high: the least and the greatest value there can be.
    """

    values: Sequence[float]
    low: float
    high: float

    def above(self, bound: float) -> float:
        """The p of these rows if the mean is `bound`, or less."""
        return _as_p(evidence(self.values, bound=bound, low=self.low, high=self.high))

    def below(self, bound: float) -> float:
        """The p of these rows if the mean is `bound`, or more."""
        turned = [-value for value in self.values]
        return _as_p(evidence(turned, bound=-bound, low=-self.high, high=-self.low))

    def interval(self) -> tuple[float, float]:
        """The 95% interval: that it ever leaves the mean out comes in 5% of cases at the most."""
        most = (1 - LEVEL) / 2
        middle = math.fsum(self.values) / len(self.values) if self.values else 0.0

        def edge(inner: float, outer: float, *, lower: bool) -> float:
            for _ in range(HALVINGS):
                half = (inner + outer) / 2
                out = (self.above(half) if lower else self.below(half)) <= most
                inner, outer = (inner, half) if out else (half, outer)
            return outer

        if not self.values:
            return self.low, self.high
        return edge(middle, self.low, lower=True), edge(middle, self.high, lower=False)


@dataclass(frozen=True)
class WatchedDifference(Difference):
    """A `Difference` whose tests and interval hold however often the rows are looked at."""

    watched: Watched

    @property
    def anytime_valid(self) -> bool:
        """See `Difference`."""
        return True

    def above(self, bound: float) -> float:
        """See `Difference`."""
        return self.watched.above(bound)

    def below(self, bound: float) -> float:
        """See `Difference`."""
        return self.watched.below(bound)


def _as_p(found: float) -> float:
    return 1 / found if found > 1 else 1.0


def watched_apart(first: Rows, second: Rows, reach: float) -> Watched:
    """The second's values minus the first's on the rows that both have some of.

    Args:
        first: values by row; a row counts with the mean of its own.
        second: likewise.
        reach: how far two values can be apart.
    """
    pairs = Pairs.of(first, second, Scale(low=0.0, high=reach))
    return Watched(pairs.apart.tolist(), -reach, reach)


def watched_difference(first: Rows, second: Rows, scale: Scale) -> WatchedDifference | None:
    """How the second differs from the first; None where no row has a value in both.

    Raises:
        ValueError: the scale has no least or no greatest value.
    """
    if scale.reach is None:
        raise ValueError("nothing can be bet on values that may be any number")
    found = difference(first, second, scale)
    if not found:
        return None
    watched = watched_apart(first, second, scale.reach)
    low, high = watched.interval()
    said = {one.name: getattr(found, one.name) for one in fields(found)}
    p = min(1.0, 2 * min(watched.above(0.0), watched.below(0.0)))
    said |= {"low": low, "high": high, "p": p, "test": "betting (any time)"}
    return WatchedDifference(**said, watched=watched)
