"""Two variants on the same rows: how far apart they are, and whether that may be chance.

difference({0: [1.0], 1: [0.0], …}, {0: [1.0], 1: [1.0], …}, Scale(passes=True))
    ->  Difference(mean=0.05, low=0.01, high=0.09, p=0.02, rows=150, …)

    pass or fail      exact McNemar test; Tango's score interval
    all else          the row's difference (of the means of its repeats): sign-flip permutation
                      test, beyond 500 rows Student's t; Student's interval

A row is one pair however often it was repeated.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import bdtr, ndtr, ndtri, stdtr

from workbench.stats.means import LEVEL, Values, student_t

EXACT = 12  # rows that differ, up to which all signs are tried: 4,096
FLIPS = 9_999  # random choices of signs beyond
MOST = 500  # rows that differ, beyond which Student's t is as good and much sooner there
SEED = 20_260_101
NEARLY = 1e-9  # relative: sums of the same numbers in another order
Rows = Mapping[int, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """What values mean.

    Attributes:
        passes: they are 0 and 1.
        low, high: the least and the greatest there can be; None: not known.
        higher_is_better: else lower is.
    """

    passes: bool = False
    low: float | None = None
    high: float | None = None
    higher_is_better: bool = True

    @property
    def reach(self) -> float | None:
        """From the least to the greatest value; None where that is not known."""
        if self.passes:
            return 1.0
        return None if self.low is None or self.high is None else self.high - self.low


@dataclass(frozen=True)
class Difference:
    """The second variant minus the first, over the rows both have a value of.

    Attributes:
        before, after: the means of the first and of the second over these rows.
        low, high: the 95% interval of the difference; None below two rows.
        p: of a difference at least so large where there is none; two-sided, not adjusted.
        test: its name.
        rows: pairs.
        up, down: rows whose value is greater in the second, and smaller.
        deviation: the standard deviation of the rows' differences.
        span: how far apart two values of a row can be.
    """

    before: float
    after: float
    low: float | None
    high: float | None
    p: float
    test: str
    rows: int
    up: int
    down: int
    deviation: float
    span: float
    is_counted: bool

    @property
    def mean(self) -> float:
        """The difference itself."""
        return self.after - self.before

    @property
    def anytime_valid(self) -> bool:
        """Whether all that is said of it holds however often the rows were looked at."""
        return False

    @property
    def spread(self) -> float:
        """The deviation, or what one more row might make of it where none differs."""
        return max(self.deviation, self.span / math.sqrt(self.rows))

    def within(self, margin: float) -> float:
        """The p of two one-sided tests: that the variants differ by `margin` or more."""
        return max(self.above(-margin), self.below(margin)) if margin > 0 else 1.0

    def above(self, bound: float) -> float:
        """The one-sided p of these rows if the difference is `bound`, or less."""
        return self._beyond(bound, 1)

    def below(self, bound: float) -> float:
        """The one-sided p of these rows if the difference is `bound`, or more."""
        return self._beyond(bound, -1)

    def _beyond(self, bound: float, side: int) -> float:
        if self.rows < 2:
            return 1.0
        if not self.span:  # both give the same value always
            return 0.0 if side * (self.mean - bound) > 0 else 1.0
        if self.is_counted:
            return float(ndtr(-side * tango(self.up, self.down, self.rows, bound)))
        if not self.up + self.down:  # nothing was seen to differ: as if it were pass or fail
            return float(ndtr(-side * tango(0, 0, self.rows, bound / self.span)))
        error = self.deviation / math.sqrt(self.rows)
        if not error:
            return 0.0 if side * (self.mean - bound) > 0 else 1.0
        return float(stdtr(self.rows - 1, -side * (self.mean - bound) / error))


def difference(first: Rows, second: Rows, scale: Scale) -> Difference | None:
    """How the second differs from the first; None where no row has a value in both."""
    return Pairs.of(first, second, scale).difference()


def tango(up: int, down: int, rows: int, shift: float) -> float:
    """The score statistic for a difference of paired proportions of `shift`.

    Tango 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C891::AID-SIM780%3E3.0.CO;2-B
    """
    shift = min(max(shift, -1 + 1e-12), 1 - 1e-12)
    linear = -up - down + (2 * rows - up + down) * shift
    root = math.sqrt(max(linear**2 + 8 * rows * down * shift * (1 - shift), 0.0))
    share = (root - linear) / (4 * rows)
    variance = rows * (2 * share + shift * (1 - shift))
    return (up - down - rows * shift) / math.sqrt(max(variance, 1e-300))


@dataclass(frozen=True)
class Pairs:
    """The rows that both have a value of, each with the means of its repeats.

    Attributes:
        counted: each pair is of one 0 or 1 and another.
    """

    before: Values
    after: Values
    scale: Scale
    counted: bool

    @classmethod
    def of(cls, first: Rows, second: Rows, scale: Scale) -> "Pairs":
        """Those that are in both."""
        shared = [row for row in first if row in second and first[row] and second[row]]
        single = all(len(one[row]) == 1 for row in shared for one in (first, second))
        before, after = (
            np.array([math.fsum(one[row]) / len(one[row]) for row in shared], dtype=np.float64)
            for one in (first, second)
        )
        return cls(before, after, scale, counted=scale.passes and single)

    def difference(self) -> Difference | None:
        """None where there are none."""
        rows = len(self.before)
        if not rows:
            return None
        p, test = self._test()
        low, high = self._interval() if rows > 1 else (None, None)
        return Difference(
            before=float(self.before.mean()),
            after=float(self.after.mean()),
            low=low,
            high=high,
            p=p,
            test=test,
            rows=rows,
            up=self.up,
            down=self.down,
            deviation=float(self.apart.std(ddof=1)) if rows > 1 else 0.0,
            span=self.span,
            is_counted=self.counted,
        )

    @cached_property
    def apart(self) -> Values:
        """Each row's difference; what differs in the last digit only does not."""
        apart = self.after - self.before
        size = np.maximum(np.abs(self.after), np.abs(self.before))
        apart[np.abs(apart) <= NEARLY * size] = 0.0
        return apart

    @cached_property
    def up(self) -> int:
        """Rows whose value is greater in the second."""
        return int(np.count_nonzero(self.apart > 0))

    @cached_property
    def down(self) -> int:
        """Rows whose value is smaller in the second."""
        return int(np.count_nonzero(self.apart < 0))

    @cached_property
    def span(self) -> float:
        """As the scale says, or as far as these values are apart."""
        if self.scale.reach is not None:
            return self.scale.reach
        both = np.concatenate([self.before, self.after])
        return float(both.max() - both.min())

    def _test(self) -> tuple[float, str]:
        if self.counted:
            return mcnemar(self.up, self.down), "exact McNemar"
        differ = self.apart[self.apart != 0]
        if len(differ) > MOST:
            error = float(self.apart.std(ddof=1)) / math.sqrt(len(self.apart))
            t = abs(float(self.apart.mean())) / error if error else math.inf
            return 2 * float(stdtr(len(self.apart) - 1, -t)), "paired t"
        return sign_flip(differ), "sign-flip permutation"

    def _interval(self) -> tuple[float | None, float | None]:
        rows = len(self.apart)
        if self.counted:
            return _tango_interval(self.up, self.down, rows)
        mean = float(self.apart.mean())
        if not self.apart.any():  # nothing was seen to differ: as if it were pass or fail
            low, high = _tango_interval(0, 0, rows)
            return low * self.span, high * self.span
        return student_t(mean, self.apart - mean)  # differences have little skew


def mcnemar(up: int, down: int) -> float:
    """The exact two-sided p of so many rows that went up and down, each as likely."""
    if up == down:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(up, down), up + down, 0.5)))


def sign_flip(differ: Values) -> float:
    """The two-sided p of a sum of differences each of which might have had the other sign.

    Args:
        differ: those that are not zero.
    """
    rows = len(differ)
    if not rows:
        return 1.0
    seen = abs(float(differ.sum())) * (1 - NEARLY)
    if rows <= EXACT:
        signs = 1 - 2 * ((np.arange(2**rows)[:, None] >> np.arange(rows)) & 1)
        return float(np.mean(np.abs(signs @ differ) >= seen))
    size = (rows + 7) // 8
    drawn = np.frombuffer(np.random.default_rng(SEED).bytes(FLIPS * size), dtype=np.uint8)
    kept = np.unpackbits(drawn.reshape(FLIPS, size), axis=1, count=rows)
    sums = 2 * (kept @ differ) - differ.sum()
    return float(1 + np.count_nonzero(np.abs(sums) >= seen)) / (1 + FLIPS)


def _tango_interval(up: int, down: int, rows: int) -> tuple[float, float]:
    z = float(ndtri((1 + LEVEL) / 2))
    middle = (up - down) / rows

    def edge(wanted: float, inner: float, outer: float) -> float:
        """Where the statistic, which falls as the shift grows, is `wanted`."""
        for _ in range(50):
            half = (inner + outer) / 2
            beyond = abs(tango(up, down, rows, half)) > abs(wanted)
            inner, outer = (inner, half) if beyond else (half, outer)
        return inner

    return edge(z, middle, -1.0), edge(-z, middle, 1.0)
