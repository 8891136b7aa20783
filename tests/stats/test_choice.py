"""The best of several variants: chances, the interval after choosing, and those that may be it.

The rates are over WORKBENCH_DRAWS draws (400; 2,000 hold the tight bounds) with a fixed seed.
"""

from dataclasses import replace

import numpy as np
import pytest
from draws import assert_rate, draws_of
from numpy.random import Generator
from scipy.special import ndtri

from workbench.stats.choice import estimate_after_choosing, may_be_best, select_best
from workbench.stats.means import Estimate, estimate_mean
from workbench.stats.pairs import paired_difference
from workbench.stats.sample import RowValues, Scale

FULL = 2_000
PASS_FAIL = Scale(pass_fail=True)
LOWER = Scale(low=0, high=1, higher_is_better=False)
CORRELATION = 0.4  # of the variants' latent scores of a row


def draw_variants(rng: Generator, shares: np.ndarray, rows: int) -> list[RowValues]:
    """Pass or fail of each variant on the same rows; hard rows are hard for all."""
    difficulty = np.sqrt(CORRELATION) * rng.normal(size=(rows, 1))
    latent = difficulty + np.sqrt(1 - CORRELATION) * rng.normal(size=(rows, len(shares)))
    passes = (latent < ndtri(shares)).astype(float)
    return [{row: [value] for row, value in enumerate(column)} for column in passes.T.tolist()]


@pytest.mark.slow
def test_a_chance_of_being_the_best_is_as_often_right_as_it_says() -> None:
    """20 rows; 5 and 10 variants whose true spread is small, middling or large."""
    rng = np.random.default_rng(11)
    said, right = [], []
    for draw in range(draws_of(FULL)):
        spread = (0.03, 0.06, 0.1, 0.2)[draw % 4]
        shares = (0.6 + rng.normal(0, spread, (5, 10)[draw % 8 // 4])).clip(0.02, 0.98)
        selection = select_best(draw_variants(rng, shares, 20), PASS_FAIL)
        said.append(selection.chances[selection.best])
        right.append(shares[selection.best] == shares.max())
    print(f"said {np.mean(said):.3f}, right {np.mean(right):.3f}")
    error = 2 * np.std(right) / np.sqrt(len(right))
    assert abs(np.mean(said) - np.mean(right)) <= 0.05 + error
    likely = np.array(said) > 0.75
    error = 2 * np.std(np.array(right)[likely]) / np.sqrt(likely.sum())
    assert abs(np.mean(np.array(said)[likely]) - np.mean(np.array(right)[likely])) <= 0.05 + error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lead", "spread", "rows"),
    [(0.0, 0.0, 150), (0.15, 0.0, 50), (0.0, 0.1, 20)],
    ids=["ten equal", "one better", "all differ"],
)
def test_the_estimate_after_choosing_holds_and_the_best_is_not_excluded(
    lead: float, spread: float, rows: int
) -> None:
    rng = np.random.default_rng(12)
    draws, covered, included, errors = draws_of(FULL), 0, 0.0, []
    for _ in range(draws):
        shares = 0.6 + rng.normal(0, spread, 10)
        shares[0] += lead
        shares = shares.clip(0.02, 0.98)
        variants = draw_variants(rng, shares, rows)
        selection = select_best(variants, PASS_FAIL)
        plausible = may_be_best(p_values(variants, selection.best))
        measured = estimate_mean(variants[selection.best], PASS_FAIL)
        assert measured
        chosen = estimate_after_choosing(measured, selection.unseen_mean, sum(plausible), PASS_FAIL)
        assert chosen.low is not None
        assert chosen.high is not None
        covered += chosen.low <= shares[selection.best] <= chosen.high
        errors.append(chosen.mean - shares[selection.best])
        best = shares == shares.max()
        included += (np.array(plausible) & best).sum() / best.sum()
    print(f"covered {covered / draws:.3f}, included {included / draws:.3f}")
    print(f"shown too high by {np.mean(errors):+.4f}")
    assert_rate(covered, FULL, (0.94, 1.0), (0.93, 1.0))
    assert_rate(round(included), FULL, (0.96, 1.0), (0.95, 1.0))
    assert abs(np.mean(errors)) < 0.01 + 3 * np.std(errors) / np.sqrt(draws)


def p_values(variants: list[RowValues], best: int) -> list[float]:
    """One-sided: each variant is at least as good as the best."""
    p_values = [1.0] * len(variants)
    for number, values in enumerate(variants):
        difference = paired_difference(variants[best], values, PASS_FAIL)
        assert difference
        if number != best and difference.mean < 0:
            p_values[number] = difference.p / 2
    return p_values


def test_the_chances_are_those_of_the_rows() -> None:
    same = {row: [float(row % 2)] for row in range(30)}
    better = {row: [1.0] for row in range(30)}
    assert select_best([same, same], PASS_FAIL).chances == [0.5, 0.5]
    assert select_best([better, better, better], PASS_FAIL).chances == pytest.approx([1 / 3] * 3)
    assert select_best([same, better], PASS_FAIL).chances[1] > 0.99
    lower = select_best([same, better], LOWER)
    assert (lower.best, lower.chances[0] > 0.99, lower.unseen_mean) == (0, True, 0.5)


def test_a_variant_of_few_rows_leaves_the_others_theirs() -> None:
    """As a variant does that dropped out of a race."""
    first = {row: [float(row % 10 < 8)] for row in range(400)}
    second = {row: [float(row % 10 not in (0, 1, 2))] for row in range(400)}
    few = {row: [float(row % 10 < 3)] for row in range(45)}
    two = select_best([first, second], PASS_FAIL).chances
    three = select_best([first, second, few], PASS_FAIL).chances
    assert 0.9 < two[0] < 1.0
    assert three == pytest.approx([*two, 0.0], abs=0.01)


def test_easy_rows_are_no_merit() -> None:
    """The second ran on the 60 easy rows only, and answered as the first did."""
    first = {row: [float(row < 60 and row % 10 > 0)] for row in range(100)}
    second = {row: first[row] for row in range(60)}
    selection = select_best([first, second], PASS_FAIL)
    assert selection.chances == pytest.approx([0.5, 0.5], abs=0.05)


def test_copies_of_rows_are_no_evidence() -> None:
    first = {row: [float(row % 10 < 8)] for row in range(200)}
    second = {row: [float(row % 10 < 6)] for row in range(200)}
    ten = [{row: values[row] for row in range(10)} for values in (first, second)]
    copied = select_best([first, second], PASS_FAIL, [row % 10 for row in range(200)])
    assert copied.chances == pytest.approx(select_best(ten, PASS_FAIL).chances)
    assert select_best([first, second], PASS_FAIL).chances[0] > copied.chances[0] + 0.1


def test_choosing_widens_the_worse_end_only() -> None:
    measured = Estimate(0.8, 0.72, 0.86, 100, 100)
    scale = replace(LOWER, higher_is_better=True)
    assert estimate_after_choosing(measured, 0.79, 2, scale) == replace(measured, mean=0.79)
    ten = estimate_after_choosing(measured, 0.76, 10, scale)
    assert (ten.mean, ten.high, round(ten.low or 0, 3)) == (0.76, 0.86, 0.691)
    lower = estimate_after_choosing(measured, 0.82, 10, LOWER)
    assert (lower.mean, lower.low, round(lower.high or 0, 3)) == (0.82, 0.72, 0.876)
    assert estimate_after_choosing(measured, 0.9, 10, scale).mean == 0.8
    unranged = estimate_after_choosing(measured, 0.76, 10, Scale())
    assert round(unranged.low or 0, 3) == 0.694
    single = replace(measured, low=None, high=None)
    assert estimate_after_choosing(single, 0.7, 10, scale) == single


def test_the_p_values_are_adjusted_for_each_other() -> None:
    assert may_be_best([1.0, 0.01, 0.02, 0.3]) == [True, False, True, True]
