"""A test that is looked at after every few rows."""

from itertools import combinations
from statistics import fmean

import numpy as np
import pytest
from draws import assert_rate, draws_of
from hypothesis import given
from hypothesis import strategies as st

from workbench.stats.pairs import Scale, anytime_difference, mcnemar_p, paired_difference
from workbench.stats.sequential import AnytimeMean, adjust_e_values, e_value
from workbench.stats.verdicts import BETTER, verdicts

ALPHA = 0.05


def test_without_rows_there_is_no_evidence() -> None:
    assert e_value([]) == 1.0


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), max_size=40), st.randoms())
def test_the_order_of_the_rows_makes_no_difference(values: list[float], rng) -> None:
    mixed = values[:]
    rng.shuffle(mixed)
    assert e_value(values) == pytest.approx(e_value(mixed))


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=12))
def test_it_is_a_fair_bet(values: list[float]) -> None:
    """One more row that is a coin of -1 and 1 leaves the evidence what it is, on average."""
    before = e_value(values)
    after = [e_value([*values, coin]) for coin in (-1.0, 1.0)]
    assert sum(after) / 2 == pytest.approx(before)


def test_a_value_out_of_range_is_refused() -> None:
    for value in (1.5, -1.5):
        with pytest.raises(ValueError, match="a value is not from -1 to 1"):
            AnytimeMean([value], -1.0, 1.0)
    with pytest.raises(ValueError, match=r"a bet of 1 can't lose 1\.5"):
        e_value([-1.5])


def test_copies_of_a_row_say_no_more_than_the_row() -> None:
    values = [1.0, 0.0, 0.5, 1.0, 1.0, 1.0]
    copies = [value for value in values for _ in range(10)]
    clusters = [row for row in range(len(values)) for _ in range(10)]
    single, copied = (
        AnytimeMean(values, 0.0, 1.0),
        AnytimeMean(copies, 0.0, 1.0, clusters, max_size=10),
    )
    assert copied.p_greater(0.3) == pytest.approx(single.p_greater(0.3))
    assert copied.p_less(0.95) == pytest.approx(single.p_less(0.95))
    assert copied.interval() == pytest.approx(single.interval())
    assert AnytimeMean(copies, 0.0, 1.0).interval()[0] > single.interval()[0] + 0.1


def test_the_mean_is_over_rows_and_not_over_clusters() -> None:
    """Of 800 rows half are right: those that are alone."""
    values = [1.0] * 400 + [0.0] * 400
    clusters = [*range(400), *(400 + row // 4 for row in range(400))]
    low, high = AnytimeMean(values, 0.0, 1.0, clusters, max_size=4).interval()
    assert 0.2 < low < 0.5 < high < 0.8
    assert AnytimeMean([1.0] * 400 + [0.0] * 100, 0.0, 1.0).interval()[0] > 0.7


@given(st.lists(st.sampled_from([0.01, 1.0, 19.0, 25.0, 90.0, 1e6]), min_size=1, max_size=6))
def test_e_values_are_adjusted_as_by_closed_testing(values: list[float]) -> None:
    sets = [
        numbers
        for size in range(1, len(values) + 1)
        for numbers in combinations(range(len(values)), size)
    ]
    closed = [
        min(fmean(values[n] for n in numbers) for numbers in sets if number in numbers)
        for number in range(len(values))
    ]
    assert adjust_e_values(values) == pytest.approx(closed)


@given(st.lists(st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0]), min_size=1, max_size=60))
def test_an_interval_holds_what_its_tests_do_not_exclude(values: list[float]) -> None:
    watched = AnytimeMean(values, -1.0, 1.0)
    low, high = watched.interval()
    assert -1.0 <= low <= sum(values) / len(values) <= high <= 1.0
    for bound in (-0.9, -0.5, 0.0, 0.3, 0.8):
        if bound < low - 1e-6:
            assert watched.p_greater(bound) <= 0.025
        elif bound > high + 1e-6:
            assert watched.p_less(bound) <= 0.025
        else:
            assert min(watched.p_greater(bound), watched.p_less(bound)) >= 0.025 - 1e-6


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=40))
def test_the_other_end_is_the_same_turned_round(values: list[float]) -> None:
    turned = AnytimeMean([1 - value for value in values], 0.0, 1.0)
    watched = AnytimeMean(values, 0.0, 1.0)
    assert watched.p_less(0.7) == pytest.approx(turned.p_greater(0.3))
    low, high = watched.interval()
    assert turned.interval() == pytest.approx((1 - high, 1 - low))


def test_many_rows_leave_nothing_of_a_bet_that_was_wrong() -> None:
    watched = AnytimeMean([0.0] * 50_000, 0.0, 1.0)
    assert watched.p_greater(0.5) == 1.0
    assert watched.p_less(0.5) == pytest.approx(0.0)
    assert watched.interval() == pytest.approx((0.0, 0.0), abs=1e-3)


def test_without_rows_nothing_is_excluded() -> None:
    assert AnytimeMean([], 0.0, 1.0).interval() == (0.0, 1.0)


def test_a_watched_difference_is_a_difference_with_other_tests() -> None:
    before = {row: [float(row % 2)] for row in range(60)}
    after = {row: [1.0] for row in range(60)}
    once, watched = (
        compare(before, after, Scale(pass_fail=True))
        for compare in (paired_difference, anytime_difference)
    )
    assert once
    assert watched
    assert (watched.mean, watched.rows, watched.up) == (once.mean, once.rows, once.up)
    assert (watched.anytime_valid, once.anytime_valid) == (True, False)
    assert watched.p > once.p
    assert watched.low is not None
    assert once.low is not None
    assert 0 < watched.low < once.low
    assert verdicts([watched])[0].outcome == BETTER
    assert anytime_difference({}, after, Scale(pass_fail=True)) is None
    with pytest.raises(ValueError, match="needs a metric with a range"):
        anytime_difference(before, after, Scale())


@pytest.mark.slow
def test_the_interval_hardly_ever_leaves_the_mean_out_at_any_look() -> None:
    rng, left_out = np.random.default_rng(5), 0
    draws = draws_of(500)
    for _ in range(draws):
        rows = (rng.random(300) < 0.7).astype(float)
        for n in (20, 30, 45, 68, 102, 153, 230, 300):
            low, high = AnytimeMean(rows[:n].tolist(), 0.0, 1.0).interval()
            if not low <= 0.7 <= high:
                left_out += 1
                break
    print(f"the interval leaves the mean out at some look in {left_out / draws:.3f}")
    assert_rate(left_out, 500, (0.0, 0.05), (0.0, 0.05))


@pytest.mark.slow
@pytest.mark.parametrize("shares", [(0.1, 0.1), (0.3, 0.3), (0.02, 0.02)])
def test_looking_after_every_ten_rows_keeps_the_error_rate(shares: tuple[float, float]) -> None:
    rng = np.random.default_rng(3)
    wrong, draws = 0, draws_of(2_000)
    for _ in range(draws):
        up, down = shares
        rows = rng.choice([1.0, -1.0, 0.0], 600, p=[up, down, 1 - up - down])
        wrong += any(e_value(rows[:n]) >= 1 / ALPHA for n in range(10, 601, 10))
    print(f"discordant {shares}: evidence without a difference {wrong / draws:.3f}")
    assert_rate(wrong, 2_000, (0.0, ALPHA), (0.0, ALPHA))


@pytest.mark.slow
def test_a_real_difference_is_found_with_rows_of_the_same_order() -> None:
    """0.3 up and 0.1 down: 77 rows are the fixed test's for 80%."""
    rng = np.random.default_rng(4)
    needed = []
    for _ in range(draws_of(500)):
        rows = rng.choice([1.0, -1.0, 0.0], 1_000, p=[0.3, 0.1, 0.6])
        needed.append(
            next(
                (n for n in range(10, 1_001, 10) if e_value(rows[:n]) >= 1 / ALPHA),
                1_001,
            )
        )
    print(f"rows until it is found: median {np.median(needed)}, 80% {np.quantile(needed, 0.8)}")
    quick = sum(rows <= 2.5 * 77 for rows in needed)
    assert_rate(quick, 500, (0.8, 1.0), (0.8, 1.0))


@pytest.mark.slow
def test_ten_copies_of_each_row_keep_the_error_rate() -> None:
    """Twenty looks at rows of which each has ten equal copies; a tenth as rows of their own."""
    rng, draws = np.random.default_rng(6), draws_of(2_000)
    wrong = {"clusters": 0, "rows": 0}
    for _ in range(draws):
        rows = rng.choice([1.0, -1.0, 0.0], 200, p=[0.2, 0.2, 0.6])
        looks = range(10, 201, 10)
        for unit, copies in (("clusters", 1), ("rows", 10)):
            wrong[unit] += any(e_value(np.repeat(rows[:n], copies)) >= 1 / ALPHA for n in looks)
    print(f"evidence without a difference, ten copies: {wrong} of {draws}")
    assert_rate(wrong["clusters"], 2_000, (0.0, ALPHA), (0.0, ALPHA))
    assert wrong["rows"] > 0.3 * draws


@pytest.mark.slow
def test_looking_at_20_50_100_and_150_rows_keeps_the_error_rate_of_anytime_tests() -> None:
    rng, draws, wrong = np.random.default_rng(12), draws_of(2_000), {"once": 0, "anytime": 0}
    for _ in range(draws):
        rows = rng.choice([1.0, -1.0, 0.0], 150, p=[0.25, 0.25, 0.5])
        looks = [rows[:n] for n in (20, 50, 100, 150)]
        sequences = [AnytimeMean(look.tolist(), -1.0, 1.0) for look in looks]
        p_anytime = [2 * min(s.p_greater(0.0), s.p_less(0.0)) for s in sequences]
        p_once = [mcnemar_p(int((look > 0).sum()), int((look < 0).sum())) for look in looks]
        wrong["anytime"] += min(p_anytime) <= ALPHA
        wrong["once"] += min(p_once) <= ALPHA
    print(f"four looks without a difference: {wrong} of {draws}")
    assert_rate(wrong["anytime"], 2_000, (0.0, ALPHA), (0.0, ALPHA))
    assert wrong["once"] > 0.06 * draws
