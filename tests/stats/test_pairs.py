"""Two variants on the same rows, beside what scipy and statsmodels say."""

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import permutation_test, ttest_rel
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.weightstats import ttost_paired

from workbench.stats.pairs import Difference, paired_difference, tango_statistic
from workbench.stats.sample import Scale

PASSES, PLAIN = Scale(pass_fail=True), Scale()


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
    assert between(first, second).p == pytest.approx(expected, abs=1e-6)


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
    difference = between(first, second)
    assert difference.p == pytest.approx(expected, abs=0.01)
    assert difference.p == between(first, second).p  # the same whenever it is asked


def test_many_rows_have_the_paired_t_test() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.gamma(1, 1, 900), rng.gamma(1.05, 1, 900)
    difference = between(first, second)
    assert difference.test == "paired t"
    assert difference.p == pytest.approx(ttest_rel(second, first).pvalue, abs=1e-6)


@pytest.mark.parametrize("margin", [0.05, 0.2, 0.6])
def test_equivalence_has_the_two_one_sided_t_tests(margin: float) -> None:
    rng = np.random.default_rng(6)
    first = rng.random(40)
    second = first + rng.normal(0.03, 0.2, 40)
    expected = ttost_paired(second, first, -margin, margin)[0]
    assert between(first, second).p_equivalence(margin) == pytest.approx(expected, abs=1e-6)


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
def test_an_interval_of_pass_or_fail_holds_what_the_score_test_keeps(
    up: int, down: int, same: int
) -> None:
    n = up + down + same
    if n < 2:
        return
    difference = passed(same, up, down, 0)
    assert difference.low is not None
    assert difference.high is not None
    assert -1 <= difference.low <= difference.mean + 1e-9
    assert difference.mean - 1e-9 <= difference.high <= 1
    for edge in (difference.low, difference.high):
        if abs(edge) < 0.999:
            assert abs(tango_statistic(up, down, n, edge)) == pytest.approx(1.959964, abs=1e-3)
    turned = passed(same, down, up, 0)
    assert turned.low == pytest.approx(-difference.high, abs=1e-9)
    assert turned.p == pytest.approx(difference.p)


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
    once, many = paired_difference(first, second, Scale()), paired_difference(*often, PASSES)
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


def test_two_variants_that_always_give_one_value_are_the_same() -> None:
    difference = between([5.0] * 10, [5.0] * 10)
    assert (difference.low, difference.high, difference.p_equivalence(0.1)) == (0, 0, 0)


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
