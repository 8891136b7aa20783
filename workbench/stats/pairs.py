"""The paired difference of two variants on the same rows: interval and test.

>>> before = {row: [float(row % 2)] for row in range(12)}
>>> after = {row: [1.0] for row in range(12)}
>>> difference = paired_difference(before, after, Scale(pass_fail=True))
>>> difference.mean, difference.up, difference.down, difference.p, difference.test
(0.5, 6, 0, 0.03125, 'exact McNemar')

    pass or fail      exact McNemar test; Tango's score interval
    all else          differences of the rows' means: sign-flip permutation test, Student's t
                      beyond 500 rows; Student's interval

A row is one pair however often it was repeated.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import bdtr, ndtr, ndtri, stdtr

from workbench.stats.means import t_interval
from workbench.stats.sample import (
    LEVEL,
    Clusters,
    FloatArray,
    RowValues,
    Scale,
    cluster_numbers,
    row_means,
)
from workbench.stats.sequential import AnytimeMean

MAX_EXACT_ROWS = 12  # rows that differ, up to which all 4,096 sign flips are tried
RANDOM_FLIPS = 9_999
MAX_PERMUTED_ROWS = 500  # rows that differ, beyond which Student's t is as good and much faster
SEED = 20_260_101
TOLERANCE = 1e-9  # relative: sums of the same numbers in another order


@dataclass(frozen=True)
class Difference:
    """The second variant's mean minus the first's, over the rows both have a value of.

    Attributes:
        before, after: the means of the first and of the second over these rows.
        low, high: the 95% interval of the difference; None below two rows.
        p: two-sided p-value of no difference, not adjusted.
        test: its name.
        rows: pairs.
        clusters: groups of rows that are independent of each other.
        up, down: rows whose value is greater in the second, and smaller.
        sd: the standard deviation of the rows' differences.
        width: how far apart two values of a row can be.
        is_binary: each pair is one 0 or 1 and another.
        sequence: the p-values and the interval are its own, and hold at every look at the rows;
            None: they hold once.
        reason: why there is no verdict; empty: there is one.
    """

    before: float
    after: float
    low: float | None
    high: float | None
    p: float
    test: str
    rows: int
    clusters: int
    up: int
    down: int
    sd: float
    width: float
    is_binary: bool
    sequence: AnytimeMean | None = None
    reason: str = ""

    @property
    def mean(self) -> float:
        """The mean of the differences."""
        return self.after - self.before

    @property
    def anytime_valid(self) -> bool:
        """True if the p-values and the interval hold at every look at the rows."""
        return self.sequence is not None

    @property
    def planning_sd(self) -> float:
        """`sd`, or what it would be if one more row differed, where it is smaller."""
        return max(self.sd, self.width / math.sqrt(self.rows))

    def p_equivalence(self, margin: float) -> float:
        """P-value of two one-sided tests (TOST): the variants differ by `margin` or more."""
        return max(self.p_greater(-margin), self.p_less(margin)) if margin > 0 else 1.0

    def p_greater(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that the difference is `bound` or less."""
        return self.sequence.p_greater(bound) if self.sequence else self._one_sided_p(bound, 1)

    def p_less(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that the difference is `bound` or more."""
        return self.sequence.p_less(bound) if self.sequence else self._one_sided_p(bound, -1)

    def _one_sided_p(self, bound: float, side: int) -> float:
        if self.rows < 2:
            return 1.0
        if self.is_binary and self.width:
            return float(ndtr(-side * tango_statistic(self.up, self.down, self.rows, bound)))
        if self.width and not self.up + self.down:  # no row differs: as if it were pass or fail
            return float(ndtr(-side * tango_statistic(0, 0, self.rows, bound / self.width)))
        standard_error = self.sd / math.sqrt(self.rows)
        if not self.width or not standard_error:  # all differences are equal
            return 0.0 if side * (self.mean - bound) > 0 else 1.0
        return float(stdtr(self.rows - 1, -side * (self.mean - bound) / standard_error))


def paired_difference(
    first: RowValues, second: RowValues, scale: Scale, clusters: Clusters | None = None
) -> Difference | None:
    """The difference of the second from the first; None where no row has a value in both."""
    shared = _shared_rows(first, second)
    if not shared:
        return None
    before, after = row_means(first, shared), row_means(second, shared)
    differences = _subtract(after, before)
    rows = len(shared)
    up, down = int(np.count_nonzero(differences > 0)), int(np.count_nonzero(differences < 0))
    single = all(len(values[row]) == 1 for row in shared for values in (first, second))
    is_binary = scale.pass_fail and single
    width = scale.width
    if width is None:
        width = float(np.ptp(np.concatenate([before, after])))
    low = high = None
    if rows > 1:
        low, high = (
            _tango_interval(up, down, rows) if is_binary else _mean_interval(differences, width)
        )
    p, test = (mcnemar_p(up, down), "exact McNemar") if is_binary else _mean_test(differences)
    return Difference(
        before=float(before.mean()),
        after=float(after.mean()),
        low=low,
        high=high,
        p=p,
        test=test,
        rows=rows,
        clusters=len(set(cluster_numbers(shared, clusters))),
        up=up,
        down=down,
        sd=float(differences.std(ddof=1)) if rows > 1 else 0.0,
        width=width,
        is_binary=is_binary,
    )


def anytime_difference(
    first: RowValues, second: RowValues, scale: Scale, clusters: Clusters | None = None
) -> Difference | None:
    """As `paired_difference`, with p-values and an interval that hold at every look at the rows.

    Raises:
        ValueError: the scale has no least or no greatest value.
    """
    if scale.width is None:
        raise ValueError("an anytime-valid test needs a metric with a range")
    difference = paired_difference(first, second, scale, clusters)
    if not difference:
        return None
    sequence = paired_sequence(first, second, scale.width, clusters)
    low, high = sequence.interval()
    p = min(1.0, 2 * min(sequence.p_greater(0.0), sequence.p_less(0.0)))
    test = "betting (any time)"
    return replace(difference, low=low, high=high, p=p, test=test, sequence=sequence)


def paired_sequence(
    first: RowValues, second: RowValues, width: float, clusters: Clusters | None = None
) -> AnytimeMean:
    """The second's row means minus the first's, which are `width` apart at most."""
    shared = _shared_rows(first, second)
    differences = _subtract(row_means(second, shared), row_means(first, shared))
    by_row = {row: [value] for row, value in zip(shared, differences.tolist(), strict=True)}
    return AnytimeMean.of_rows(by_row, (-width, width), clusters)


def _shared_rows(first: RowValues, second: RowValues) -> list[int]:
    return [row for row in first if row in second and first[row] and second[row]]


def _subtract(after: FloatArray, before: FloatArray) -> FloatArray:
    """Each row's difference; 0 where only the last digits differ."""
    differences = after - before
    size = np.maximum(np.abs(after), np.abs(before))
    differences[np.abs(differences) <= TOLERANCE * size] = 0.0
    return differences


def _mean_test(differences: FloatArray) -> tuple[float, str]:
    """The p-value of a mean difference of 0, and the name of the test."""
    discordant = differences[differences != 0]
    if len(discordant) <= MAX_PERMUTED_ROWS:
        return sign_flip_p(discordant), "sign-flip permutation"
    rows, mean = len(differences), float(differences.mean())
    standard_error = float(differences.std(ddof=1)) / math.sqrt(rows)
    t = abs(mean) / standard_error if standard_error else math.inf
    return 2 * float(stdtr(rows - 1, -t)), "paired t"


def _mean_interval(differences: FloatArray, width: float) -> tuple[float, float]:
    if not differences.any():  # no row differs: as if it were pass or fail
        low, high = _tango_interval(0, 0, len(differences))
        return low * width, high * width
    mean = float(differences.mean())
    return t_interval(mean, differences - mean)  # differences have little skew


def mcnemar_p(up: int, down: int) -> float:
    """Exact two-sided p-value of McNemar's test for these numbers of discordant pairs."""
    if up == down:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(up, down), up + down, 0.5)))


def sign_flip_p(differences: FloatArray) -> float:
    """Two-sided p-value of the sign-flip permutation test of differences that are not zero."""
    rows = len(differences)
    if not rows:
        return 1.0
    observed = abs(float(differences.sum())) * (1 - TOLERANCE)
    if rows <= MAX_EXACT_ROWS:
        signs = 1 - 2 * ((np.arange(2**rows)[:, None] >> np.arange(rows)) & 1)
        return float(np.mean(np.abs(signs @ differences) >= observed))
    size = (rows + 7) // 8
    random_bytes = np.random.default_rng(SEED).bytes(RANDOM_FLIPS * size)
    packed = np.frombuffer(random_bytes, dtype=np.uint8).reshape(RANDOM_FLIPS, size)
    positive = np.unpackbits(packed, axis=1, count=rows)
    sums = 2 * (positive @ differences) - differences.sum()
    return float(1 + np.count_nonzero(np.abs(sums) >= observed)) / (1 + RANDOM_FLIPS)


def tango_statistic(up: int, down: int, rows: int, shift: float) -> float:
    """Score statistic of a difference of paired proportions of `shift`; it falls as that grows.

    Tango 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C891::AID-SIM780%3E3.0.CO;2-B
    """
    shift = min(max(shift, -1 + 1e-12), 1 - 1e-12)
    linear = -up - down + (2 * rows - up + down) * shift
    root = math.sqrt(max(linear**2 + 8 * rows * down * shift * (1 - shift), 0.0))
    share = (root - linear) / (4 * rows)
    variance = rows * (2 * share + shift * (1 - shift))
    return (up - down - rows * shift) / math.sqrt(max(variance, 1e-300))


def _tango_interval(up: int, down: int, rows: int) -> tuple[float, float]:
    z = float(ndtri((1 + LEVEL) / 2))

    def bisect(outer: float) -> float:
        inner = (up - down) / rows
        for _ in range(50):
            middle = (inner + outer) / 2
            beyond = abs(tango_statistic(up, down, rows, middle)) > z
            inner, outer = (inner, middle) if beyond else (middle, outer)
        return inner

    return bisect(-1.0), bisect(1.0)
