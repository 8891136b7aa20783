"""Intervals beside those of scipy, and what they must hold for all inputs."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from workbench.stats.means import Estimate, estimate_mean
from workbench.stats.sample import Scale

PASSES, PLAIN = Scale(pass_fail=True), Scale()


def by_row(rows: Sequence[Sequence[float]]) -> dict[int, Sequence[float]]:
    return dict(enumerate(rows))


@pytest.mark.parametrize(("passed", "n"), [(0, 10), (1, 10), (7, 10), (126, 150), (150, 150)])
def test_a_share_has_the_interval_of_wilson(passed: int, n: int) -> None:
    rows = [[1.0]] * passed + [[0.0]] * (n - passed)
    estimate = estimate_mean(by_row(rows), PASSES)
    assert estimate
    expected = binomtest(passed, n).proportion_ci(0.95, method="wilson")
    assert (estimate.mean, estimate.rows) == (passed / n, n)
    assert [estimate.low, estimate.high] == pytest.approx([expected.low, expected.high], abs=1e-9)


def test_numbers_without_skew_have_the_interval_of_student() -> None:
    values = [1.0, 4.0, 2.0, 5.0]
    estimate = estimate_mean(by_row([[value] for value in values]), PLAIN)
    assert estimate
    mean = sum(values) / 4
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / 3 / 4)
    expected = t.interval(0.95, 3, loc=mean, scale=error)
    assert [estimate.low, estimate.high] == pytest.approx(list(expected), abs=1e-9)


def test_the_interval_of_skewed_numbers_reaches_further_to_the_long_side() -> None:
    estimate = estimate_mean(by_row([[value] for value in (1.0, 1.0, 2.0, 1.0, 3.0, 9.0)]), PLAIN)
    assert estimate
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.high - estimate.mean > 1.5 * (estimate.mean - estimate.low)


def test_equal_repeats_of_pass_or_fail_are_worth_no_more_than_their_rows() -> None:
    once = estimate_mean(by_row([[1.0]] * 15 + [[0.0]] * 5), PASSES)
    often = estimate_mean(by_row([[1.0] * 50] * 15 + [[0.0] * 50] * 5), PASSES)
    assert once
    assert often
    assert once.low is not None
    assert once.high is not None
    assert often.low is not None
    assert often.high is not None
    assert often.high - often.low >= once.high - once.low
    always = estimate_mean(by_row([[1.0] * 50] * 20), PASSES)
    assert always
    assert always.low is not None
    assert 0.75 < always.low < 0.9  # twenty rows, not a thousand


def test_repeats_do_not_count_as_rows() -> None:
    once = estimate_mean(by_row([[1.0], [0.0], [3.0]]), PLAIN)
    often = estimate_mean(by_row([[1.0] * 50, [0.0] * 50, [3.0] * 50]), PLAIN)
    assert once
    assert often
    assert [often.low, often.high] == pytest.approx([once.low, once.high])


def test_one_row_says_nothing_of_the_spread() -> None:
    assert estimate_mean(by_row([[2.0, 3.0]]), PLAIN) == Estimate(2.5, None, None, 1, 1)


def test_no_value_is_no_mean() -> None:
    assert estimate_mean(by_row([[], []]), PASSES) is None


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_interval_of_a_share_holds_the_share(passed: list[bool]) -> None:
    estimate = estimate_mean(by_row([[float(value)] for value in passed]), PASSES)
    assert estimate
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 <= estimate.low <= estimate.mean + 1e-12
    assert estimate.mean - 1e-12 <= estimate.high <= 1
