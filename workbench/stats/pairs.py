"""The paired difference of two variants on the same rows: interval and test.

>>> before = {row: [float(row % 2)] for row in range(12)}
>>> after = {row: [1.0] for row in range(12)}
>>> difference = paired_difference(before, after, Scale(pass_fail=True))
>>> difference.mean, difference.up, difference.down, difference.p, difference.test
(0.5, 6, 0, 0.03125, 'exact McNemar')

    pass or fail            exact McNemar test; the interval inverts it and two one-sided tests
    numbers with a range,   sign-flip permutation test (Student's t beyond 500 clusters), and the
    repeats, clusters       test with a row added that differs by the whole range (bounded.py): the
                            greater p-value counts. Student's interval, or that test's if farther
    numbers without one     the same with the largest difference, and more, as the range, and
                            Student's t, corrected for skew. No word below 350 clusters that differ;
                            below 350 clusters the interval is that of the differences' median

The interval excludes 0 exactly where the test finds a difference (agreement.py).

A row is one pair however often it was repeated. Rows of a cluster have their differences summed.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.stats.agreement import ALPHA, agreeing_interval
from workbench.stats.bounded import lower_bound, p_above
from workbench.stats.judge_error import Corrected
from workbench.stats.means import enclosing
from workbench.stats.paired_tests import mcnemar_p, pass_fail_interval, pass_fail_p, sign_flip_p
from workbench.stats.quantiles import Quantile, row_median
from workbench.stats.sample import (
    MIN_UNRANGED,
    Clusters,
    ClusterSums,
    FloatArray,
    RowValues,
    Scale,
    row_means,
)
from workbench.stats.sequential import AnytimeMean
from workbench.stats.skewness import (
    added_row_reach,
    skew_corrected_p,
    t_interval,
    unranged_interval,
)
from workbench.stats.special_functions import stdtr

NEAR_TIE = 0.1  # of the largest difference: sums so near to each other are nearly ties
MAX_PERMUTED_ROWS = 500  # rows that differ, beyond which Student's t is as good and much faster
TOO_FEW = f"a metric without a range needs {MIN_UNRANGED} rows that differ"
TOLERANCE = 1e-9  # relative: sums of the same numbers in another order


@dataclass(frozen=True)
class Difference:
    """The second variant's mean minus the first's, over the rows both have a value of.

    Attributes:
        before, after: the means of the first and of the second over these rows.
        low, high: the 95% interval of the difference; None below two clusters, where `median` is
            not, and where all differences of a metric without a range are equal.
        p: two-sided p-value of no difference, not adjusted.
        test: its name.
        rows: pairs.
        clusters: groups of rows that are independent of each other.
        up, down: rows whose value is greater in the second, and smaller.
        sd: the standard deviation of the rows' differences; that of independent rows which give
            the same standard error, where rows have clusters.
        width: the most by which a row can differ; without a range the most by which one does, times
            `added_row_reach`.
        is_binary: each pair is one 0 or 1 and another, and rows are independent.
        has_range: the metric has a least and a greatest value.
        differences: by cluster.
        sequence: the p-values and the interval are its own, and hold at every look at the rows;
            None: they hold once.
        reason: why there is no verdict; empty: there is one.
        median: of the rows' differences, with its interval, for a metric without a range where so
            few rows may lack rare large differences; else None.
        corrected: the mean of the differences corrected by people's labels: the mean, the interval
            and the p-values are its own; `before`, `after`, `up` and `down` are the judge's.
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
    has_range: bool
    differences: ClusterSums = field(repr=False, compare=False)
    sequence: AnytimeMean | None = None
    reason: str = ""
    median: Quantile | None = None
    corrected: Corrected | None = None

    @property
    def mean(self) -> float:
        """The mean of the differences."""
        return self.corrected.mean if self.corrected else self.after - self.before

    @property
    def tail_unknown(self) -> bool:
        """True if there is no interval, because rare large differences may not have been seen."""
        return self.median is not None

    @property
    def anytime_valid(self) -> bool:
        """True if the p-values and the interval hold at every look at the rows."""
        return self.sequence is not None

    @property
    def planning_sd(self) -> float:
        """`sd`, or what it would be if one more row differed, where it is smaller."""
        return max(self.sd, self.width / math.sqrt(self.rows))

    @property
    def unseen(self) -> float:
        """The sum of the differences that the tests assume not to have been seen."""
        return (
            0.0
            if self.is_binary or self.sequence or self.corrected
            else self.width * float(self.differences.sizes.max())
        )

    def p_equivalence(self, margin: float) -> float:
        """P-value of two one-sided tests (TOST): the variants differ by `margin` or more."""
        return max(self.p_greater(-margin), self.p_less(margin)) if margin > 0 else 1.0

    def p_greater(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that the difference is `bound` or less."""
        tests = self.sequence or self._corrected_tests
        return tests.p_greater(bound) if tests else self._one_sided_p(bound, 1)

    def p_less(self, bound: float) -> float:
        """One-sided p-value of the null hypothesis that the difference is `bound` or more."""
        tests = self.sequence or self._corrected_tests
        return tests.p_less(bound) if tests else self._one_sided_p(bound, -1)

    @property
    def _corrected_tests(self) -> Corrected | None:
        return None if self.reason else self.corrected

    def _one_sided_p(self, bound: float, side: int) -> float:
        if self.clusters < 2 or self.reason:
            return 1.0
        if self.is_binary:
            up, down = (self.up, self.down)[::side]
            return pass_fail_p(up, down, self.rows, side * bound)
        differences = self.differences if side > 0 else self.differences.negated()
        p = p_above(differences, side * bound, worst=-self.width)
        return p if self.has_range else max(p, skew_corrected_p(differences, side * bound))


def paired_difference(
    first: RowValues, second: RowValues, scale: Scale, clusters: Clusters | None = None
) -> Difference | None:
    """The difference of the second from the first; None where no row has a value in both."""
    untested = _untested_difference(first, second, scale, clusters)
    if not untested:
        return None
    low, high = enclosing(_interval(untested), untested.mean)
    tested = replace(untested, low=low, high=high)
    return tested if tested.reason else _with_agreeing_interval(_with_test(tested))


def _untested_difference(
    first: RowValues, second: RowValues, scale: Scale, clusters: Clusters | None
) -> Difference | None:
    """The difference without interval and p-value."""
    shared = _shared_rows(first, second)
    if not shared:
        return None
    before, after = row_means(first, shared), row_means(second, shared)
    by_row = _subtract(after, before)
    differences = ClusterSums.of_rows(by_row, shared, clusters)
    single = all(len(first[row]) == 1 == len(second[row]) for row in shared)
    width = scale.width
    if width is None:
        width = added_row_reach(differences) * float(np.abs(by_row).max())
    too_few = scale.width is None and np.count_nonzero(differences.sums) < MIN_UNRANGED
    is_tail_unknown = scale.width is None and differences.clusters < MIN_UNRANGED
    return Difference(
        before=math.fsum(before) / len(shared),  # as `estimate_mean` adds up
        after=math.fsum(after) / len(shared),
        low=None,
        high=None,
        p=1.0,
        test="none",
        rows=len(shared),
        clusters=differences.clusters,
        up=int(np.count_nonzero(by_row > 0)),
        down=int(np.count_nonzero(by_row < 0)),
        sd=math.sqrt(differences.variance * len(shared)) if differences.clusters > 1 else 0.0,
        width=width,
        is_binary=scale.pass_fail and single and differences.clusters == len(shared),
        has_range=scale.width is not None,
        differences=differences,
        reason=TOO_FEW if too_few else "",
        median=row_median(by_row, shared, clusters) if is_tail_unknown else None,
    )


def _interval(difference: Difference) -> tuple[float, float] | None:
    if difference.clusters < 2 or difference.tail_unknown:
        return None
    if difference.is_binary:
        return pass_fail_interval(difference.up, difference.down, difference.rows)
    differences, width = difference.differences, difference.width
    interval = t_interval(differences) if difference.has_range else unranged_interval(differences)
    if difference.reason or not interval:
        return interval
    bounds = _unseen_bounds(difference)
    low, high = min(interval[0], bounds[0]), max(interval[1], bounds[1])
    return (max(low, -width), min(high, width)) if difference.has_range else (low, high)


def _unseen_bounds(difference: Difference) -> tuple[float, float]:
    """The bounds that the test with a row added keeps, each at 5%."""
    differences, worst = difference.differences, -difference.width
    return lower_bound(differences, worst), -lower_bound(differences.negated(), worst)


def _with_agreeing_interval(difference: Difference) -> Difference:
    """The difference with an interval that excludes 0 exactly where its test does."""
    low, high, mean = difference.low, difference.high, difference.mean
    if low is None or high is None:
        return difference
    inner = 0.0
    if difference.p <= ALPHA and low <= 0 <= high:  # the sign-flip test takes Student's place
        inner = _unseen_bounds(difference)[0 if mean > 0 else 1]
    low, high = agreeing_interval((low, high), difference.p, mean, inner)
    return replace(difference, low=low, high=high)


def _with_test(difference: Difference) -> Difference:
    """The difference with its two-sided p-value."""
    if difference.is_binary:
        return replace(
            difference, p=mcnemar_p(difference.up, difference.down), test="exact McNemar"
        )
    differences, side = difference.differences, 1 if difference.mean > 0 else -1
    discordant = differences.sums[differences.sums != 0]
    p, test = 1.0, "sign-flip permutation"
    if len(discordant) <= MAX_PERMUTED_ROWS:
        p = sign_flip_p(discordant, NEAR_TIE * float(np.abs(discordant).max(initial=0.0)))
    else:
        error = math.sqrt(differences.variance)
        t = abs(differences.mean) / error if error else math.inf
        p, test = 2 * float(stdtr(differences.clusters - 1, -t)), "paired t"
    if not difference.has_range:
        p = max(p, 2 * skew_corrected_p(differences if side > 0 else differences.negated(), 0.0))
    unseen_p = difference.p_greater(0.0) if side > 0 else difference.p_less(0.0)
    return replace(difference, p=min(1.0, max(p, unseen_p)), test=test)


def anytime_difference(
    first: RowValues, second: RowValues, scale: Scale, clusters: Clusters | None = None
) -> Difference | None:
    """As `paired_difference`, with p-values and an interval that hold at every look at the rows.

    Raises:
        ValueError: the scale has no least or no greatest value.
    """
    if scale.width is None:
        raise ValueError("an anytime-valid test needs a metric with a range")
    difference = _untested_difference(first, second, scale, clusters)
    if not difference:
        return None
    shared = _shared_rows(first, second)
    by_row = _subtract(row_means(second, shared), row_means(first, shared))
    values = {row: [value] for row, value in zip(shared, by_row.tolist(), strict=True)}
    sequence = AnytimeMean.of_rows(values, (-scale.width, scale.width), clusters)
    low, high = enclosing(sequence.interval(), difference.mean)
    p = min(1.0, 2 * min(sequence.p_greater(0.0), sequence.p_less(0.0)))
    test = "betting (any time)"
    return replace(difference, low=low, high=high, p=p, test=test, sequence=sequence)


def _shared_rows(first: RowValues, second: RowValues) -> list[int]:
    return [row for row in first if row in second and first[row] and second[row]]


def _subtract(after: FloatArray, before: FloatArray) -> FloatArray:
    """Each row's difference; 0 where only the last digits differ."""
    differences = after - before
    size = np.maximum(np.abs(after), np.abs(before))
    differences[np.abs(differences) <= TOLERANCE * size] = 0.0
    return differences
