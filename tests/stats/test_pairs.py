"""Two variants on the same rows, beside what scipy and statsmodels say."""

import math
import random
from bisect import bisect_left
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from draws import draws_of
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import ndtri
from scipy.stats import binom, multinomial, permutation_test, ttest_rel
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.weightstats import ttost_paired

from workbench.stats.paired_tests import (
    mcnemar_p,
    pass_fail_interval,
    pass_fail_p,
    sign_flip_p,
)
from workbench.stats.pairs import TOO_FEW, Difference, anytime_difference, paired_difference
from workbench.stats.sample import Scale
from workbench.stats.unconditional import tango_statistic

LONG = draws_of(2_000) >= 2_000  # in `make nightly`
PASSES, PLAIN, SHARE = Scale(pass_fail=True), Scale(), Scale(low=0, high=1)


def rows(values: Sequence[float]) -> dict[int, list[float]]:
    return {number: [value] for number, value in enumerate(values)}


def between(first: Sequence[float], second: Sequence[float], scale: Scale = PLAIN) -> Difference:
    difference = paired_difference(rows(first), rows(second), scale)
    assert difference
    return difference


def passed(both: int, up: int, down: int, neither: int) -> Difference:
    """Of so many rows that both pass, that only the second passes, that only the first does."""
    first = [1.0] * both + [0.0] * up + [1.0] * down + [0.0] * neither
    second = [1.0] * both + [1.0] * up + [0.0] * down + [0.0] * neither
    return between(first, second, PASSES)


@pytest.mark.parametrize(("up", "down"), [(0, 0), (1, 0), (9, 2), (2, 9), (30, 31), (60, 20)])
def test_pass_or_fail_has_the_exact_test_of_mcnemar(up: int, down: int) -> None:
    difference = passed(50, up, down, 7)
    expected = mcnemar([[50, down], [up, 7]], exact=True).pvalue
    assert difference.p == pytest.approx(expected, abs=1e-6)
    assert (difference.test, difference.up, difference.down) == ("exact McNemar", up, down)
    assert difference.mean == pytest.approx((up - down) / (57 + up + down))


@pytest.mark.parametrize("n", [3, 8, 12])
def test_few_rows_have_every_choice_of_signs_tried(n: int) -> None:
    rng = np.random.default_rng(n)
    first, second = rng.gamma(1, 1, n), rng.gamma(1.4, 1, n)
    expected = permutation_test(
        (second, first),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    assert sign_flip_p(second - first) == pytest.approx(expected, abs=1e-6)


def test_more_rows_have_signs_drawn_by_chance() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.gamma(1, 1, 60), rng.gamma(1.3, 1, 60)
    expected = permutation_test(
        (second, first),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=50_000,
        rng=np.random.default_rng(1),
    ).pvalue
    assert sign_flip_p(second - first) == pytest.approx(expected, abs=0.01)
    assert sign_flip_p(second - first) == sign_flip_p(second - first)


def test_many_rows_have_the_paired_t_test() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.beta(2, 2, 900), rng.beta(2, 1.8, 900)
    difference = between(first, second, SHARE)
    assert difference.test == "paired t"
    assert difference.p == pytest.approx(ttest_rel(second, first).pvalue, abs=1e-6)


@pytest.mark.parametrize("margin", [0.046, 0.05])
def test_with_many_rows_equivalence_is_that_of_two_one_sided_t_tests(margin: float) -> None:
    rng = np.random.default_rng(6)
    first = rng.uniform(0.2, 0.8, 3_000)
    second = first + rng.uniform(-0.2, 0.2, 3_000) * (rng.random(3_000) < 0.6) + 0.045
    expected = ttost_paired(second, first, -margin, margin)[0]
    ours = between(first, second, SHARE).p_equivalence(margin)
    assert ndtri(ours) == pytest.approx(ndtri(expected), abs=0.35)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 30), st.floats(-0.9, 0.9))
def test_the_score_statistic_is_of_the_likeliest_shares(
    up: int, down: int, same: int, shift: float
) -> None:
    """Tango's closed form beside the maximum reached by searching."""
    n = up + down + same

    def unlikely(share: float) -> float:
        """Of `share` going down, and so `share + shift` up."""
        cells = [(up, share + shift), (down, share), (same, 1 - 2 * share - shift)]
        return -sum(count * math.log(max(p, 1e-300)) for count, p in cells if count)

    least, most = max(0.0, -shift), (1 - shift) / 2
    best = minimize_scalar(unlikely, bounds=(least, most), options={"xatol": 1e-12}).x
    expected = (up - down - n * shift) / math.sqrt(n * (2 * best + shift * (1 - shift)))
    if abs(up - down - n * shift) > 1e-6:
        assert tango_statistic(up, down, n, shift) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 40))
def test_an_interval_of_pass_or_fail_holds_what_the_one_sided_tests_keep(
    up: int, down: int, same: int
) -> None:
    n = up + down + same
    if n < 2:
        return
    difference = passed(same, up, down, 0)
    assert difference.low is not None
    assert difference.high is not None
    assert -1 <= difference.low <= difference.mean <= difference.high <= 1
    if difference.low > -1:
        assert pass_fail_p(up, down, n, difference.low - 1e-6) <= 0.025
    assert pass_fail_p(up, down, n, difference.low + 1e-6) > 0.025
    turned = passed(same, down, up, 0)
    assert turned.low == pytest.approx(-difference.high, abs=1e-9)
    assert turned.p == pytest.approx(difference.p)


def test_interval_and_word_of_pass_or_fail_agree_in_every_table() -> None:
    """Up to thirty rows; of more than twelve, where McNemar's p-value is near 0.05."""
    for rows in range(2, 31):
        for up in range(rows + 1):
            for down in range(min(up, rows - up) + 1):  # the other half is the mirror image
                if rows > 12 and not 0.02 < mcnemar_p(up, down) < 0.15:
                    continue
                low, high = pass_fail_interval(up, down, rows)
                assert low <= high
                assert (low > 0 or high < 0) == (mcnemar_p(up, down) <= 0.05), (rows, up, down)


@pytest.mark.parametrize("margin", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("rows", [5, 12, 30])
def test_an_interval_of_pass_or_fail_is_within_the_margin_where_the_word_is_equivalent(
    rows: int, margin: float
) -> None:
    for up in range(rows + 1):
        for down in range(min(up, rows - up) + 1):
            low, high = pass_fail_interval(up, down, rows, level=0.90)
            p = max(pass_fail_p(up, down, rows, -margin), pass_fail_p(down, up, rows, -margin))
            within = -margin - 1e-9 <= low and high <= margin + 1e-9
            assert within == (p <= 0.05), (up, down)


@pytest.mark.parametrize("rows", [10, 30])
def test_an_interval_of_pass_or_fail_covers_the_difference(rows: int) -> None:
    """Exactly, over all tables: in 95% of cases at least, and 97% on average over shares."""
    tables = [(up, down) for up in range(rows + 1) for down in range(rows + 1 - up)]
    ends = np.array([pass_fail_interval(*table, rows) for table in tables])
    coverages = []
    for differing, upward in product((0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8), (0.5, 0.65, 0.8, 1.0)):
        shares = [differing * upward, differing * (1 - upward), 1 - differing]
        counts = [(up, down, rows - up - down) for up, down in tables]
        truth = shares[0] - shares[1]
        covered = (ends[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= ends[:, 1])
        coverages.append(float(multinomial.pmf(counts, rows, shares)[covered].sum()))
    assert min(coverages) > 0.95
    assert float(np.mean(coverages)) > 0.965


def test_a_difference_that_mcnemar_does_not_show_does_not_exclude_nothing() -> None:
    """Tango's score interval alone is -0.336 to -0.034 here, beside `not enough evidence`."""
    difference = passed(33, 1, 8, 0)
    assert difference.p == pytest.approx(0.0391, abs=1e-4)
    assert difference.high is not None
    assert difference.high < 0
    difference = passed(30, 2, 9, 1)
    assert (round(difference.p, 3), difference.high) == (0.065, 0.0)
    assert f"{difference.high:+.3f}" == "+0.000"


def error_rate(rows: int, bound: float, level: float) -> float:
    """The most that the test of a bound errs, over all shares of rows that differ.

    The exact sum over all tables: of each number of rows that fall, the fewest that rise are
    searched for which the test finds a greater difference.
    """
    falls = np.arange(rows + 1)
    least_up = [
        bisect_left(
            range(rows - fell + 1), True, key=lambda up: pass_fail_p(up, fell, rows, bound) <= level
        )
        for fell in falls.tolist()
    ]
    least, most = max(0.0, -bound), (1 - bound) / 2
    shares = least + (most - least) * np.sin(np.linspace(0, math.pi / 2, 400)[:, None]) ** 2
    rises = np.clip((shares + bound) / (1 - shares), 0, 1)
    errs = binom.pmf(falls, rows, shares) * binom.sf(np.array(least_up) - 1, rows - falls, rises)
    return float(errs.sum(axis=1).max())


@pytest.mark.parametrize("level", [0.05, 0.025])
@pytest.mark.parametrize("bound", [-0.1, -0.05, -0.02, -0.005, -1e-6, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("rows", [20, 50, *([100, 150, 200, 300] if LONG else [])])
def test_one_sided_tests_of_pass_or_fail_keep_their_error(
    rows: int, bound: float, level: float
) -> None:
    """Tango's test with the binomial one and McNemar's errs in 7.3% of samples of 20 rows."""
    assert error_rate(rows, bound, level) <= level * (1 + 1e-4)


def test_a_hundred_and_fifty_rows_keep_their_error_where_few_differ() -> None:
    """Tango's test alone errs in 8.9% of such samples."""
    counts = [(u, d) for u in range(18) for d in range(18)]
    probabilities = multinomial.pmf(
        [(u, d, 150 - u - d) for u, d in counts], 150, [0.005, 0.025, 0.97]
    )
    failed = [pass_fail_p(d, u, 150, 0.02) <= 0.05 for u, d in counts]
    passed_in = [pass_fail_p(u, d, 150, -0.02) <= 0.05 for u, d in counts]
    assert probabilities.sum() > 0.999
    assert probabilities[failed].sum() <= 0.05
    assert probabilities[passed_in].sum() <= 0.05


def test_p_values_of_pass_or_fail_rise_with_the_bound() -> None:
    for table in [(0, 0, 12), (6, 0, 12), (3, 5, 40), (13, 4, 22), (30, 20, 150), (250, 200, 900)]:
        p_values = [pass_fail_p(*table, bound) for bound in np.linspace(-0.6, 0.6, 49)]
        assert p_values == sorted(p_values) or np.diff(p_values).min() > -1e-6, table


def test_a_row_that_hardly_differs_changes_no_verdict() -> None:
    """Five rows are lost; a sixth loses next to nothing. The signs of six equal rows have 0.031."""
    before, lost = [1.0] * 50, [0.0] * 5 + [1.0] * 45
    nearly, six = [*lost[:-1], 0.999], [0.0] * 6 + [1.0] * 44
    p_values = [between(before, after, SHARE).p for after in (lost, nearly, six)]
    assert p_values == pytest.approx([0.0625, 0.0625, 0.03125], rel=0.02)


def test_rows_are_paired_by_their_number_and_others_left_out() -> None:
    first = {0: [1.0], 1: [0.0], 2: [1.0], 7: [1.0], 8: []}
    second = {7: [0.0], 1: [0.0], 0: [1.0], 9: [1.0], 8: [1.0]}
    difference = paired_difference(first, second, PASSES)
    assert difference
    assert (difference.rows, difference.up, difference.down) == (3, 0, 1)
    assert (difference.before, difference.after) == (pytest.approx(2 / 3), pytest.approx(1 / 3))


def test_no_row_in_common_is_no_difference() -> None:
    assert paired_difference({0: [1.0]}, {1: [1.0]}, PASSES) is None


def test_repeats_do_not_count_as_rows() -> None:
    rng = random.Random(7)
    first = {row: [float(rng.random() < 0.6)] for row in range(40)}
    second = {row: [float(rng.random() < 0.8)] for row in range(40)}
    often = [{row: values * 25 for row, values in by_row.items()} for by_row in (first, second)]
    once, many = paired_difference(first, second, SHARE), paired_difference(*often, PASSES)
    assert once
    assert many
    assert (many.rows, many.test) == (40, "sign-flip permutation")
    assert (many.p, many.low, many.high) == (once.p, once.low, once.high)


def test_equal_rows_are_no_proof_of_equivalence() -> None:
    difference = between([0.5] * 10, [0.5] * 10, Scale(low=0, high=1))
    assert (difference.mean, difference.p) == (0, 1)
    assert difference.low is not None
    assert difference.high is not None
    assert difference.low < -0.2
    assert difference.high > 0.2
    assert difference.p_equivalence(0.05) > 0.05


def test_equal_values_without_a_range_are_no_proof_of_equivalence() -> None:
    difference = between([5.0] * 400, [5.0] * 400)
    assert (difference.low, difference.high, difference.p_equivalence(0.1)) == (None, None, 1)


def test_a_row_that_differs_a_little_changes_little() -> None:
    """Rare large drops may not have been seen, whether or not a row differs by a thousandth."""
    marks = Scale(low=1, high=5)
    equal = between([4.0] * 50, [4.0] * 50, marks)
    nearly = between([4.0] * 50, [4.0] * 49 + [4.001], marks)
    assert nearly.p_equivalence(0.2) == pytest.approx(equal.p_equivalence(0.2), abs=1e-3)
    assert nearly.p_equivalence(0.2) > 0.05
    assert (nearly.low, nearly.high) == pytest.approx((equal.low, equal.high), abs=1e-3)


def test_a_number_without_a_range_gets_no_p_value_from_few_rows() -> None:
    rng = np.random.default_rng(3)
    first = rng.gamma(1, 1, 350)
    few, many = (between(first[:n], first[:n] * 1.5) for n in (349, 350))
    assert (few.p, few.p_equivalence(9), few.p_less(9), few.reason) == (1, 1, 1, TOO_FEW)
    assert (many.p < 0.001, many.p_equivalence(9) < 0.001, many.reason) == (True, True, "")


def test_copies_of_rows_add_no_evidence() -> None:
    """Twenty rows, ten copies of each: not two hundred."""
    rng = np.random.default_rng(2)
    for scale in (PASSES, SHARE):
        first, second = (rng.integers(0, 2, 20).astype(float) for _ in range(2))
        once = between(first, second, SHARE)
        clusters = [row // 10 for row in range(200)]
        copies = rows(np.repeat(first, 10)), rows(np.repeat(second, 10))
        often = paired_difference(*copies, scale, clusters)
        assert often
        assert (often.rows, often.clusters) == (200, 20)
        assert (often.p, often.p_less(0.3)) == pytest.approx((once.p, once.p_less(0.3)))
        assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_looks_at_copies_of_rows_are_looks_at_clusters() -> None:
    first, second = rows([0.0] * 100), rows([1.0] * 100)
    once = anytime_difference(rows([0.0] * 10), rows([1.0] * 10), PASSES)
    often = anytime_difference(first, second, PASSES, [row // 10 for row in range(100)])
    assert once
    assert often
    assert (often.p, often.low, often.high) == pytest.approx((once.p, once.low, once.high))


def test_rows_that_are_clusters_of_their_own_are_as_rows_without_clusters() -> None:
    values = rows([1.0, 0.0, 1.0, 0.0, 0.0]), rows([1.0, 1.0, 1.0, 1.0, 0.0])
    clustered = paired_difference(*values, PASSES, list(range(5)))
    assert clustered == paired_difference(*values, PASSES)


MARKS = st.lists(st.tuples(st.floats(1, 5), st.floats(1, 5)), min_size=2, max_size=20)


@given(MARKS, st.data())
def test_a_difference_turns_with_the_variants_and_stretches_with_the_scale(
    pairs: list[tuple[float, float]], data: st.DataObject
) -> None:
    clusters = data.draw(st.lists(st.integers(0, 5), min_size=len(pairs), max_size=len(pairs)))
    first, second = ([round(pair[side], 2) for pair in pairs] for side in (0, 1))
    marks, percent = Scale(low=1, high=5), Scale(low=0, high=100)
    difference = paired_difference(rows(first), rows(second), marks, clusters)
    turned = paired_difference(rows(second), rows(first), marks, clusters)
    as_percent = [[(value - 1) * 25 for value in values] for values in (first, second)]
    stretched = paired_difference(*map(rows, as_percent), percent, clusters)
    assert difference
    assert turned
    assert stretched
    assert turned.p == difference.p
    assert turned.p_less(0.1) == pytest.approx(difference.p_greater(-0.1))
    assert stretched.p == pytest.approx(difference.p, rel=1e-6, abs=2e-3)
    assert stretched.p_less(5) == pytest.approx(difference.p_less(0.2), rel=1e-5, abs=1e-9)
    if difference.low is None or difference.high is None:
        assert len(set(clusters)) == 1
        return
    assert -4 <= difference.low <= difference.mean <= difference.high <= 4
    assert difference.low < difference.high
    assert turned.low == pytest.approx(-difference.high, abs=1e-6)
    assert stretched.high == pytest.approx(25 * difference.high, abs=1e-4)


def test_digits_that_only_the_order_of_adding_makes_are_no_difference() -> None:
    difference = between([0.1 + 0.2] * 30, [0.3] * 30, Scale(low=0, high=1))
    assert (difference.up, difference.down, difference.p) == (0, 0, 1)


def test_a_single_pair_has_no_interval() -> None:
    difference = between([1.0], [0.0], PASSES)
    assert (difference.low, difference.high, difference.p, difference.p_equivalence(0.5)) == (
        None,
        None,
        1.0,
        1.0,
    )


def draw_numbers(kind: str, rng: np.random.Generator) -> Difference:
    """Numbers whose difference is near the border of significance."""
    limits = {"no range": (360, 420), "clusters": (60, 120)}
    count = int(rng.integers(*limits.get(kind, (5, 40))))
    shift = 2.0 * rng.normal() / math.sqrt(count)
    first = rng.normal(size=count)
    second = first + rng.normal(size=count) * rng.random(count)
    second += shift * (3 if kind == "clusters" else 0.5)
    if kind == "marks":
        first, second = (np.clip(np.round(values + 3), 1, 5) for values in (first, second))
    elif kind == "shares":
        first, second = (np.clip(0.5 + values / 4, 0, 1) for values in (first, second))
    elif kind == "skewed":
        first = np.zeros(count)
        second = np.where(rng.random(count) < 0.4, rng.exponential(0.2, count), 0).clip(0, 1)
        second *= rng.choice([-1, 1], count, p=[0.2, 0.8])
        first, second = np.clip(-second, 0, 1), np.clip(second, 0, 1)
    scales = {"marks": Scale(low=1, high=5), "no range": PLAIN}
    clusters = rng.integers(0, count // 2, count).tolist() if kind == "clusters" else None
    values = [rows(numbers.tolist()) for numbers in (first, second)]
    if kind == "clusters":
        values = [rows(np.clip(0.5 + numbers / 6, 0, 1).tolist()) for numbers in (first, second)]
    difference = paired_difference(values[0], values[1], scales.get(kind, SHARE), clusters)
    assert difference
    return difference


@pytest.mark.parametrize("kind", ["marks", "shares", "skewed", "clusters", "no range"])
def test_interval_and_word_of_numbers_agree(kind: str) -> None:
    rng, outcomes = np.random.default_rng(7), set()
    for _ in range(150):
        difference = draw_numbers(kind, rng)
        low, high = difference.low, difference.high
        assert low is not None
        assert high is not None
        assert low <= difference.mean <= high
        excluded = low > 0 or high < 0
        assert excluded == (difference.p <= 0.05), (difference.p, low, high)
        for margin in (0.05, 0.2, 0.6):
            if -margin < low and high < margin:
                assert difference.p_equivalence(margin) <= 0.0501
        outcomes.add(excluded)
    assert outcomes == {True, False}
