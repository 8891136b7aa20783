"""The test that a difference is the same in all slices."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from draws import assert_rate, draws_of
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.oneway import anova_oneway

from workbench.stats.interaction import interaction_p

DRAWS = 2_000
Distribution = Callable[[np.random.Generator], list[np.ndarray]]


def p_of(
    slices: list[np.ndarray], clusters: list[int] | None = None, width: float = 0.0
) -> float | None:
    """P-value for these differences, slice by slice."""
    ends = np.cumsum([0, *map(len, slices)])
    rows = [range(start, end) for start, end in pairwise(ends)]
    differences = dict(enumerate(np.concatenate(slices)))
    before = {row: [0.0] for row in differences}
    after = {row: [float(difference)] for row, difference in differences.items()}
    return interaction_p(before, after, rows, clusters, width=width)


def flips(rng: np.random.Generator, rows: int, rate: float, gain: float = 0.5) -> np.ndarray:
    """Differences of pass/fail rows: `rate` of them differ, `gain` of these upwards."""
    signs = np.where(rng.random(rows) < gain, 1.0, -1.0)
    return np.where(rng.random(rows) < rate, signs, 0.0)


def test_large_slices_agree_with_statsmodels():
    rng = np.random.default_rng(3)
    slices = [rng.normal(mean, sd, 900) for mean, sd in ((0.0, 1.0), (0.1, 2.0), (-0.05, 0.5))]
    assert p_of(slices) == pytest.approx(anova_oneway(slices, use_var="unequal").pvalue, rel=0.02)


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ([[1.0, 0.0]], None),
        ([[0.0] * 20, [0.0] * 20], 1.0),
        ([[0.1] * 20, [0.1] * 20], 1.0),
        ([[0.0] * 20, [1.0] * 20], 0.0005),
    ],
    ids=["one slice", "no row differs", "equal differences", "all rows of one slice"],
)
def test_extremes(slices, expected):
    assert p_of([np.array(part) for part in slices]) == expected


def test_rows_without_a_value_and_empty_slices_are_left_out():
    rng = np.random.default_rng(4)
    values = rng.random(60)
    before = {row: [0.0] for row in range(80) if row != 59}
    after = {row: [float(value)] for row, value in enumerate(values)}
    slices = [range(20), range(20, 60), range(60, 80)]
    assert interaction_p(before, after, slices) == p_of([values[:20], values[20:59]])


def test_copies_of_rows_add_no_evidence():
    slices = [np.repeat([-1.0, 0.0, 1.0], counts) for counts in ((3, 8, 1), (1, 7, 4))]
    copied = [np.repeat(part, 10) for part in slices]
    clusters = np.repeat(np.arange(24), 10).tolist()
    single = p_of(slices)
    assert p_of(copied, clusters) == pytest.approx(single, abs=0.02)
    assert (p_of(copied) or 0) < 0.001 < 0.05 < (single or 0)


DISTRIBUTIONS: dict[str, Distribution] = {
    "alike": lambda rng: [flips(rng, 50, 0.3), flips(rng, 50, 0.3)],
    "few rows differ": lambda rng: [flips(rng, 50, 0.04) for _ in range(4)],
    "many small slices": lambda rng: [flips(rng, 10, 0.2) for _ in range(15)],
    "the small slice varies": lambda rng: [flips(rng, 100, 0.02), flips(rng, 20, 0.5)],
    "the large slice varies": lambda rng: [flips(rng, 20, 0.02), flips(rng, 100, 0.5)],
    "rare large drops": lambda rng: [
        np.where(rng.random(rows) < 0.03, -2.5, rng.normal(0, 0.3, rows)) for rows in (100, 20)
    ],
    "a constant gain beside rare large ones": lambda rng: [
        np.full(20, 0.1),
        *((rng.random(20) < 0.1).astype(float) for _ in range(2)),
    ],
    "frequent small gains beside rare large ones": lambda rng: [
        (rng.random(100) < 0.05).astype(float),
        np.where(rng.random(100) < 0.5, 0.1, 0.0),
    ],
}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_equal_differences_seldom_seem_unequal(distribution):
    rng = np.random.default_rng(6)
    draws = draws_of(DRAWS)
    false = sum((p_of(DISTRIBUTIONS[distribution](rng)) or 0) <= 0.05 for _ in range(draws))
    assert_rate(false, DRAWS, (0.0, 0.06), (0.0, 0.065))


def test_a_slice_that_saw_none_of_its_rare_large_drops_does_not_look_certain():
    """Marks 1 to 5: a constant drop in the one slice, 2% of rows lose 2.5 in the other."""
    rng, draws = np.random.default_rng(12), draws_of(DRAWS)
    false = 0
    for _ in range(draws):
        drops = np.where(rng.random(30) < 0.02, -2.5, 0.0)
        false += (p_of([np.full(30, -0.05), drops], width=4.0) or 0) <= 0.05
    assert_rate(false, DRAWS, (0.0, 0.05), (0.0, 0.06))


def test_rows_of_a_group_add_no_evidence_of_their_own():
    """Thirty passages of five questions, with an effect of the passage."""
    rng = np.random.default_rng(8)
    draws = draws_of(DRAWS)
    groups = np.arange(150) // 5
    false = {"by group": 0, "by row": 0}
    for _ in range(draws):
        values = rng.normal(0, 1, 30)[groups] + rng.normal(0, 0.5, 150)
        slices = [values[:75], values[75:]]
        false["by group"] += (p_of(slices, groups.tolist()) or 0) <= 0.05
        false["by row"] += (p_of(slices) or 0) <= 0.05
    assert_rate(false["by group"], DRAWS, (0.0, 0.06), (0.0, 0.065))
    assert false["by row"] > 0.25 * draws


@pytest.mark.parametrize(
    ("gain", "truth"), [(0.0, (0.0, 0.06)), (0.5, (0.8, 1.0))], ids=["none", "an effect"]
)
def test_questions_of_several_kinds_on_each_passage_are_compared_within_it(gain, truth):
    """Thirty passages of five questions: each kind of question is on every passage."""
    rng = np.random.default_rng(9)
    draws, passages, kinds = draws_of(DRAWS), np.arange(150) // 5, np.arange(150) % 3
    shown = 0
    for _ in range(draws):
        values = rng.normal(0, 1, 30)[passages] + rng.normal(0, 0.5, 150) + gain * (kinds == 0)
        slices = [values[kinds == kind] for kind in range(3)]
        order = np.concatenate([passages[kinds == kind] for kind in range(3)])
        shown += (p_of(slices, order.tolist()) or 0) <= 0.05
    assert_rate(shown, DRAWS, truth, (truth[0], truth[1] + 0.005))


def test_many_crossed_clusters_agree_with_statsmodels():
    rng = np.random.default_rng(11)
    passages, kinds = np.repeat(np.arange(400), 6), np.tile(np.repeat(np.arange(3), 2), 400)
    values = rng.normal(0, 1, 400)[passages] + rng.normal(0, 1, 2400) + 0.05 * (kinds == 0)
    fit = OLS(values, np.eye(3)[kinds]).fit(cov_type="cluster", cov_kwds={"groups": passages})
    expected = float(fit.f_test([[1, 0, -1], [0, 1, -1]]).pvalue)
    order = np.concatenate([passages[kinds == kind] for kind in range(3)])
    p = p_of([values[kinds == kind] for kind in range(3)], order.tolist())
    assert (0.001 < expected < 0.5, p) == (True, pytest.approx(expected, rel=0.05))


def test_more_slices_than_clusters_show_nothing():
    values = np.random.default_rng(10).random(40)
    assert p_of(np.split(values, 20), [0, 1] * 20) == 1.0
    assert p_of(np.split(values[:24], 12) * 10, [0, 1] * 120) is None


def test_an_opposite_slice_is_seen():
    rng = np.random.default_rng(7)
    distributions = ([flips(rng, 100, 0.3, 0.75), flips(rng, 50, 0.3, 0.2)] for _ in range(100))
    assert sum((p_of(distribution) or 1) <= 0.05 for distribution in distributions) >= 80
