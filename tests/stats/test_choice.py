"""The best of several variants: support, the interval after choosing, and those that may be it.

The rates are over WORKBENCH_DRAWS draws (400; 2,000 hold the tight bounds) with a fixed seed.
"""

from dataclasses import replace

import numpy as np
import pytest
from draws import assert_rate, draws_of
from numpy.random import Generator
from scipy.special import ndtri

from workbench.stats.best_variant import (
    estimate_after_choosing,
    may_be_best,
    median_after_choosing,
    select_best,
)
from workbench.stats.means import Estimate, estimate_mean
from workbench.stats.paired_tests import mcnemar_p
from workbench.stats.quantiles import Quantile
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
def test_support_is_right_on_average_over_experiments_and_in_no_single_one() -> None:
    """20 rows; 5 and 10 variants of small to large spread, and nine that equal each other."""
    rng, average, single = np.random.default_rng(11), [], []
    for draw in range(draws_of(FULL)):
        spread = (0.03, 0.06, 0.1, 0.2)[draw % 4]
        shares = (0.6 + rng.normal(0, spread, (5, 10)[draw % 8 // 4])).clip(0.02, 0.98)
        selection = select_best(draw_variants(rng, shares, 20), PASS_FAIL)
        right = shares[selection.best] == shares.max()
        average.append((selection.support[selection.best], right))
        if draw % 4 == 0:
            selection = select_best(draw_variants(rng, np.array([0.8] + [0.6] * 9), 20), PASS_FAIL)
            single.append((selection.support[selection.best], selection.best == 0))
    support, right = np.array(average).T
    print(f"support {support.mean():.3f}, right {right.mean():.3f}")
    assert abs(support.mean() - right.mean()) <= 0.05 + 2 * right.std() / np.sqrt(len(right))
    support, right = np.array(single).T
    print(f"one of ten is better: support {support.mean():.3f}, right {right.mean():.3f}")
    assert right.mean() - support.mean() > 0.2, "so it is not called a probability"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lead", "spread", "rows"),
    [(0.0, 0.0, 150), (0.15, 0.0, 50), (0.05, 0.0, 20), (0.0, 0.1, 20)],
    ids=["ten equal", "one better", "one hardly better", "all differ"],
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
    scores = np.array([[values[row][0] for row in sorted(values)] for values in variants])
    differences = scores - scores[best]
    ups, downs = (differences > 0).sum(axis=1), (differences < 0).sum(axis=1)
    return [
        mcnemar_p(up, down) / 2 if up < down else 1.0
        for up, down in zip(ups.tolist(), downs.tolist(), strict=True)
    ]


def test_the_support_is_that_of_the_rows() -> None:
    same = {row: [float(row % 2)] for row in range(30)}
    better = {row: [1.0] for row in range(30)}
    assert select_best([same, same], PASS_FAIL).support == [0.5, 0.5]
    assert select_best([better, better, better], PASS_FAIL).support == pytest.approx([1 / 3] * 3)
    assert select_best([same, better], PASS_FAIL).support[1] > 0.99
    lower = select_best([same, better], LOWER)
    assert (lower.best, lower.support[0] > 0.99, lower.unseen_mean) == (0, True, 0.5)


def test_a_variant_of_few_rows_leaves_the_others_theirs() -> None:
    """As a variant does that dropped out of a race."""
    first = {row: [float(row % 10 < 8)] for row in range(400)}
    second = {row: [float(row % 10 not in (0, 1, 2))] for row in range(400)}
    few = {row: [float(row % 10 < 3)] for row in range(45)}
    two = select_best([first, second], PASS_FAIL).support
    three = select_best([first, second, few], PASS_FAIL).support
    assert 0.9 < two[0] < 1.0
    assert three == pytest.approx([*two, 0.0], abs=0.01)


def test_easy_rows_are_no_merit() -> None:
    """The second ran on the 60 easy rows only, and answered as the first did."""
    first = {row: [float(row < 60 and row % 10 > 0)] for row in range(100)}
    second = {row: first[row] for row in range(60)}
    selection = select_best([first, second], PASS_FAIL)
    assert selection.support == pytest.approx([0.5, 0.5], abs=0.05)


def test_copies_of_rows_are_no_evidence() -> None:
    first = {row: [float(row % 10 < 8)] for row in range(200)}
    second = {row: [float(row % 10 < 6)] for row in range(200)}
    ten = [{row: values[row] for row in range(10)} for values in (first, second)]
    copied = select_best([first, second], PASS_FAIL, [row % 10 for row in range(200)])
    assert copied.support == pytest.approx(select_best(ten, PASS_FAIL).support)
    assert select_best([first, second], PASS_FAIL).support[0] > copied.support[0] + 0.1


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
    no_range = replace(single, tail_unknown=True)
    assert estimate_after_choosing(no_range, 0.7, 10, scale) == replace(no_range, mean=0.7)
    values = {row: [float(row)] for row in range(40)}
    medians = [median_after_choosing(values, None, 10, each) for each in (scale, LOWER)]
    assert medians == [Quantile(19.5, 11.0, 26.0), Quantile(19.5, 13.0, 28.0)]


def test_the_p_values_are_adjusted_for_each_other() -> None:
    assert may_be_best([1.0, 0.01, 0.02, 0.3]) == [True, False, True, True]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [20, 50, 150])
def test_the_median_after_choosing_from_ten_costs_holds(rows: int) -> None:
    """Without a range and with so few rows each of the variants may be the best."""
    rng, draws, scale = np.random.default_rng(14), draws_of(FULL), Scale(higher_is_better=False)
    covered = 0
    for _ in range(draws):
        ease = rng.normal(0, 0.7, rows)[:, None]
        costs = np.exp(ease + rng.normal(0, 0.7, (rows, 10)))
        variants = [{row: [cost] for row, cost in enumerate(column)} for column in costs.T.tolist()]
        best = variants[select_best(variants, scale).best]
        chosen = median_after_choosing(best, None, 10, scale)
        assert chosen.low is not None
        assert chosen.high is not None
        covered += chosen.low <= 1.0 <= chosen.high
    print(f"ten equal costs, {rows} rows: median after choosing {covered / draws:.3f}")
    assert_rate(covered, FULL, (0.935, 1.0), (0.93, 1.0))
