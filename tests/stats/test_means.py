"""Intervals beside those of scipy, and what they must hold for all inputs."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binomtest, t
from statsmodels.regression.linear_model import OLS

from workbench.stats.bounded import lower_bound, p_above
from workbench.stats.means import Estimate, estimate_mean, p_mean_greater, p_mean_less
from workbench.stats.quantiles import Quantile
from workbench.stats.sample import ClusterSums, Scale
from workbench.stats.skewness import unranged_interval

PASSES, PLAIN, SHARE = Scale(pass_fail=True), Scale(), Scale(low=0, high=1)


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
    interval = unranged_interval(ClusterSums(np.array(values), np.ones(4)))
    mean = sum(values) / 4
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / 3 / 4)
    expected = t.interval(0.95, 3, loc=mean, scale=error)
    assert interval == pytest.approx(expected, abs=1e-9)


def test_the_interval_of_skewed_numbers_reaches_further_to_the_long_side() -> None:
    estimate = estimate_mean(by_row([[1.0], [1.0], [2.0], [1.0], [3.0], [9.0]] * 60), PLAIN)
    assert estimate
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.high - estimate.mean > 1.05 * (estimate.mean - estimate.low)
    assert (estimate.tail_unknown, estimate.median) == (False, None)


@pytest.mark.parametrize("repeats", [1, 5])
def test_a_mean_without_a_range_has_no_interval_below_350_rows(repeats: int) -> None:
    rows = [[float(value)] * repeats for value in [*range(1, 20), 6_000]]
    median = Quantile(10.5, 6.0, 15.0)
    assert estimate_mean(by_row(rows), PLAIN) == Estimate(309.5, None, None, 20, 20, True, median)
    pairs = [row for row in rows for _ in range(2)]
    estimate = estimate_mean(by_row(pairs), PLAIN, [number // 2 for number in range(40)])
    assert estimate == Estimate(309.5, None, None, 40, 20, True, median)
    unmarked = estimate_mean(by_row(rows * 18), PLAIN)
    assert unmarked
    assert (unmarked.low is None, unmarked.tail_unknown, unmarked.median) == (False, False, None)
    copies = estimate_mean(by_row(rows * 18), PLAIN, [number % 20 for number in range(360)])
    assert copies
    assert (copies.low, copies.tail_unknown, copies.median) == (None, True, median)


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
    median = Quantile(2.5, None, None)
    estimate = estimate_mean(by_row([[2.0, 3.0]]), PLAIN)
    assert estimate == Estimate(2.5, None, None, 1, 1, True, median)


def test_no_value_is_no_mean() -> None:
    assert estimate_mean(by_row([[], []]), PASSES) is None


def test_equal_values_without_a_range_say_nothing_of_the_mean() -> None:
    median = Quantile(2.0, 2.0, 2.0)
    estimate = estimate_mean(by_row([[2.0]] * 9), PLAIN)
    assert estimate == Estimate(2.0, None, None, 9, 9, True, median)
    assert estimate_mean(by_row([[2.0]] * 400), PLAIN) == Estimate(2.0, None, None, 400, 400)


def test_a_row_with_fewer_answers_weighs_as_much_as_another() -> None:
    estimate = estimate_mean(by_row([[1.0] * 9, [0.0]]), PASSES)
    assert estimate
    assert (estimate.mean, estimate.rows) == (0.5, 2)


def test_clusters_have_the_standard_error_of_statsmodels_and_of_inspect() -> None:
    rng = np.random.default_rng(3)
    clusters = rng.integers(0, 30, 200)
    values = rng.normal(0, 1, 200) + rng.normal(0, 1, 30)[clusters]
    fit = OLS(values, np.ones(200)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    # inspect_ai's stderr(cluster=): https://inspect.aisi.org.uk/scorers.html#clustered-standard-errors
    deviations = values - values.mean()
    within = [deviations[clusters == number] for number in range(30)]
    products = sum(float(np.outer(part, part).sum()) for part in within)
    inspect = math.sqrt(products * 30 / 29) / 200
    sample = ClusterSums.of_rows(values, range(200), clusters.tolist())
    assert math.sqrt(sample.variance) == pytest.approx(fit.bse[0], rel=1e-9)
    assert math.sqrt(sample.variance) == pytest.approx(inspect, rel=1e-9)


def test_copies_of_rows_are_worth_no_more_than_the_rows() -> None:
    rng = np.random.default_rng(4)
    for scale, values in ((SHARE, rng.random(20)), (PLAIN, rng.gamma(1, 1, 20))):
        once = estimate_mean(by_row([[value] for value in values]), scale)
        clusters = [row // 10 for row in range(200)]
        often = estimate_mean(by_row([[v] for v in np.repeat(values, 10)]), scale, clusters)
        assert once
        assert often
        assert (often.rows, often.clusters) == (200, 20)
        assert (often.mean, often.low, often.high) == pytest.approx(
            (once.mean, once.low, once.high)
        )


@pytest.mark.parametrize(("passed", "n"), [(1, 10), (7, 10), (20, 20), (126, 150)])
def test_a_row_at_the_worst_end_makes_pass_or_fail_exact(passed: int, n: int) -> None:
    """Clopper and Pearson's bound; the approximation is within a hundredth of the p-value."""
    sample = ClusterSums(np.repeat([1.0, 0.0], [passed, n - passed]), np.ones(n))
    expected = beta.ppf(0.05, passed, n - passed + 1)
    assert lower_bound(sample, worst=0.0) == pytest.approx(expected, abs=2e-3)
    assert p_above(sample, expected, worst=0.0) == pytest.approx(0.05, rel=0.02)


def test_the_p_value_is_a_share_of_random_weights() -> None:
    rng = np.random.default_rng(5)
    values = rng.beta(5, 1, 15)
    weights = rng.exponential(1, (100_000, 16))
    for bound in (0.6, 0.7, 0.8, values.mean() * 15 / 16):
        drawn = np.mean(weights @ (np.append(values, 0.0) - bound) <= 0)
        ours = p_above(ClusterSums(values, np.ones(15)), bound, worst=0.0)
        assert ours == pytest.approx(drawn, rel=0.02, abs=2e-3)


def test_evidence_on_both_sides_of_a_bound() -> None:
    values = by_row([[value] for value in (0.9, 0.8, 1.0, 0.7, 0.9, 0.95, 1.0, 0.85, 0.9, 0.8)])
    negated = by_row([[1 - value for value in row] for row in values.values()])
    for scale in (SHARE, PLAIN):
        assert p_mean_greater(values, 0.5, scale) == pytest.approx(p_mean_less(negated, 0.5, scale))
        assert p_mean_greater(values, 0.5, scale) < 0.05 < p_mean_greater(values, 0.85, scale)
        assert p_mean_less(values, 0.5, scale) > 0.9
    assert p_mean_less(by_row([[1.0]] * 30), 1.2, PLAIN) < 0.001


def test_a_value_near_an_end_is_much_as_one_at_the_end() -> None:
    at_the_end = estimate_mean(by_row([[1.0]] * 20), SHARE)
    near = estimate_mean(by_row([[1.0]] * 19 + [[0.9999]]), SHARE)
    assert at_the_end
    assert near
    assert (near.low, near.high) == pytest.approx((at_the_end.low, at_the_end.high), abs=1e-3)


SHARES = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=3), min_size=2, max_size=30)


@given(SHARES, st.data())
def test_an_interval_stays_on_the_scale_and_around_the_mean(
    values: list[list[float]], data: st.DataObject
) -> None:
    clusters = data.draw(st.lists(st.integers(0, 5), min_size=len(values), max_size=len(values)))
    estimate = estimate_mean(by_row(values), SHARE, clusters)
    assert estimate
    if len(set(clusters)) == 1:
        assert (estimate.low, estimate.high) == (None, None)
        return
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 <= estimate.low <= estimate.mean <= estimate.high <= 1
    assert estimate.low < estimate.high
    stretched = [[1 + 4 * value for value in row] for row in values]
    marks = estimate_mean(by_row(stretched), Scale(low=1, high=5), clusters)
    assert marks
    assert (marks.low, marks.high) == pytest.approx(
        (1 + 4 * estimate.low, 1 + 4 * estimate.high), abs=1e-5
    )


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_interval_of_a_share_holds_the_share(passed: list[bool]) -> None:
    estimate = estimate_mean(by_row([[float(value)] for value in passed]), PASSES)
    assert estimate
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 <= estimate.low <= estimate.mean <= estimate.high <= 1
