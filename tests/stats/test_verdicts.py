"""Outcomes, the correction for a family, and the rows that would settle a difference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from workbench.stats.pairs import TOO_FEW, Difference, paired_difference
from workbench.stats.quantiles import Quantile
from workbench.stats.sample import Scale
from workbench.stats.verdicts import (
    BETTER,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
    detectable_difference,
    holm_adjust,
    rows_for_equivalence,
    rows_to_detect,
    verdicts,
)


def passed(up: int, down: int, same: int) -> Difference:
    first = [0.0] * up + [1.0] * (down + same)
    second = [1.0] * up + [0.0] * down + [1.0] * same
    difference = paired_difference(
        {n: [value] for n, value in enumerate(first)},
        {n: [value] for n, value in enumerate(second)},
        Scale(pass_fail=True),
    )
    assert difference
    return difference


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_correction_is_holm_s(family: list[float]) -> None:
    expected = multipletests(family, method="holm")[1]
    assert holm_adjust(family) == pytest.approx(list(expected), abs=1e-6)


def test_a_clear_difference_is_better_or_worse_as_the_metric_has_it() -> None:
    clear = passed(30, 5, 65)
    (up,) = verdicts([clear])
    (down,) = verdicts([clear], higher_is_better=False)
    assert (up.outcome, down.outcome, up.rows_needed) == (BETTER, WORSE, None)
    assert up.p == clear.p


def test_a_larger_family_needs_more_evidence() -> None:
    """Eleven of thirteen rows: enough alone, not as the best of ten."""
    close, level = passed(11, 2, 87), passed(5, 5, 90)
    assert verdicts([close])[0].outcome == BETTER
    assert verdicts([close, *[level] * 9])[0].outcome == INCONCLUSIVE


def test_what_only_the_family_keeps_open_is_named_beside_its_interval() -> None:
    close, level = passed(11, 2, 87), passed(5, 5, 90)
    assert close.low is not None
    assert close.low > 0
    open_verdict, *_ = verdicts([close, *[level] * 9])
    assert (open_verdict.alone, open_verdict.text) == (
        BETTER,
        "not enough evidence (Holm; alone better)",
    )
    (alone,) = verdicts([close])
    assert (alone.alone, alone.text) == ("", BETTER)


def test_difference_within_the_margin_is_equivalent() -> None:
    level = passed(2, 2, 396)
    assert verdicts([level], margins=[0.05])[0].outcome == EQUIVALENT
    assert verdicts([level], margins=[0.005])[0].outcome == INCONCLUSIVE
    assert verdicts([level], margins=[0])[0].outcome == INCONCLUSIVE


def test_too_few_rows_name_the_rows_needed() -> None:
    (verdict,) = verdicts([passed(9, 4, 87)], margins=[0.02])
    assert verdict.outcome == INCONCLUSIVE
    assert verdict.rows_needed
    assert verdict.rows_needed_low
    assert 300 < verdict.rows_needed_low < 600 < 5_300 < verdict.rows_needed < 5_500
    assert verdict.detectable
    assert 0.09 < verdict.detectable < 0.12


def test_without_a_margin_no_number_of_rows_is_sure_to_settle_it() -> None:
    (seen,), (equal,) = verdicts([passed(9, 4, 87)]), verdicts([passed(3, 3, 14)])
    assert (seen.outcome, seen.rows_needed, seen.rows_needed_low) == (INCONCLUSIVE, None, 444)
    assert (equal.outcome, equal.rows_needed, equal.rows_needed_low) == (INCONCLUSIVE, None, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pilot", "differing", "lost"),
    [(50, 0.2, 0.1), (50, 0.2, 0.075), (50, 0.2, 0.05), (30, 0.1, 0.0375), (30, 0.05, 0.01)],
)
def test_with_the_rows_needed_it_is_settled_whatever_the_difference_is(
    pilot: int, differing: float, lost: float
) -> None:
    rng, shares = np.random.default_rng(1), [differing - lost, lost, 1 - differing]
    settled = opened = 0
    for _ in range(200):
        counts = rng.multinomial(pilot, shares)
        (first,) = verdicts([passed(*counts.tolist())], margins=[0.05])
        if first.outcome == INCONCLUSIVE and first.rows_needed:
            counts += rng.multinomial(first.rows_needed - pilot, shares)
            (second,) = verdicts([passed(*counts.tolist())], margins=[0.05])
            opened += 1
            settled += second.outcome != INCONCLUSIVE
    print(f"{pilot} rows, {differing} differ, {lost} lost: {settled} of {opened} are settled")
    assert settled / opened > 0.85


def test_a_metric_without_a_range_says_why_it_gets_no_word() -> None:
    values = {row: [float(row)] for row in range(40)}
    difference = paired_difference(values, {row: [2 * row + 1.0] for row in range(40)}, Scale())
    assert difference
    (verdict,) = verdicts([difference], margins=[1.0])
    assert (verdict.outcome, verdict.reason, verdict.rows_needed) == (INCONCLUSIVE, TOO_FEW, None)
    assert (difference.low, difference.high, difference.tail_unknown) == (None, None, True)
    assert difference.median == Quantile(20.5, 14.0, 27.0)
    assert (verdict.text, verdict.word) == ("no verdict", "no verdict")


def test_a_least_difference_beyond_the_range_is_none() -> None:
    assert verdicts([passed(0, 1, 1)], margins=[0.05])[0].detectable is None


def test_no_row_that_differs_is_no_certainty() -> None:
    (verdict,) = verdicts([passed(0, 0, 10)], margins=[0.05])
    assert verdict.outcome == INCONCLUSIVE
    assert verdict.detectable
    assert verdict.detectable > 0.2


@pytest.mark.parametrize("effect", [0.08, 0.2, 0.5])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 6])
def test_the_rows_needed_are_those_of_the_t_test_s_power(effect: float, alpha: float) -> None:
    expected = TTestPower().solve_power(effect, power=0.8, alpha=alpha)
    assert rows_to_detect(effect * 3, 3.0, alpha) == pytest.approx(expected, abs=1.5)


@pytest.mark.parametrize("n", [20, 50, 200])
def test_the_least_difference_shown_is_that_of_the_t_test_s_power(n: int) -> None:
    expected = TTestPower().solve_power(nobs=n, power=0.8, alpha=0.05)
    assert detectable_difference(n, 1.0) == pytest.approx(expected, rel=0.02)


def test_the_rows_that_exclude_a_difference_do_so_in_four_cases_of_five() -> None:
    rng = np.random.default_rng(8)
    n = rows_for_equivalence(0.1, 0.4, unseen=2.0)
    equivalent = 0
    for _ in range(400):
        differences = np.clip(rng.normal(0, 0.4, n), -2, 2)
        difference = paired_difference(
            {row: [0.0] for row in range(n)},
            {row: [value] for row, value in enumerate(differences)},
            Scale(low=-1, high=1),
        )
        assert difference
        equivalent += difference.p_equivalence(0.1) <= 0.05
    assert 0.74 < equivalent / 400 < 0.86


def test_a_closed_form_turns_the_other_round() -> None:
    """The least difference that so many rows show is the one that needs so many rows."""
    for unseen in (0.0, 1.0, 4.0):
        least = detectable_difference(300, 0.5, unseen=unseen)
        assert least
        assert rows_to_detect(least, 0.5, unseen=unseen) == pytest.approx(300, abs=1)
