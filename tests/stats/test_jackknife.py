"""Statistics of all rows: contributions of rows, intervals, and differences of two variants."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from draws import assert_rate, draws_of

from workbench.evaluators._classes import unseen_pairs
from workbench.evaluators.balanced_accuracy import balanced_accuracy
from workbench.evaluators.macro_f1 import macro_f1
from workbench.stats.column_difference import column_difference
from workbench.stats.jackknife import JUMPS, ColumnMean, cluster_groups, delete_groups
from workbench.stats.sample import ClusterSums, Scale
from workbench.stats.verdicts import verdicts

SHARE = Scale(low=0, high=1)
VALUES = np.array([2.0, 4.0, 6.0, 9.0, 1.0, 5.0])


def mean_of(rows: np.ndarray) -> float:
    return float(VALUES[rows].mean())


@pytest.mark.parametrize(
    ("groups", "contributions"),
    [
        (range(6), [2.0, 4.0, 6.0, 9.0, 1.0, 5.0]),
        ([0, 0, 1, 1, 2, 2], [3.0, 7.5, 3.0]),
        ([7, 7, 7, 7, 1, 1], [3.0, 5.25]),  # in the order of their numbers
    ],
)
def test_contributions_to_a_mean_are_the_means_of_groups(
    groups: list[int], contributions: list[float]
) -> None:
    jackknife = delete_groups(mean_of, groups, limit_s=9)
    assert jackknife.value == pytest.approx(4.5)
    if len(contributions) > 2:
        assert list(jackknife.contributions.values()) == pytest.approx(contributions)
        assert list(jackknife.contributions) == sorted(set(groups))
    else:
        assert jackknife.problem == JUMPS


@pytest.mark.parametrize(
    ("statistic", "groups", "limit_s", "problem"),
    [
        (mean_of, [3] * 6, 9, "it has no interval, because all rows depend on each other"),
        (mean_of, range(6), 0, "its interval takes longer than 0 s"),
        (lambda rows: float(VALUES[rows].max()), range(6), 9, JUMPS),
        (
            lambda rows: 1.0 if 3 in rows else math.nan,
            range(6),
            9,
            "it has no value without some of the rows",
        ),
    ],
    ids=["one cluster", "too slow", "a maximum", "a row that it needs"],
)
def test_a_statistic_without_contributions_says_why(
    statistic: Callable[[np.ndarray], float], groups: list[int], limit_s: float, problem: str
) -> None:
    jackknife = delete_groups(statistic, groups, limit_s=limit_s)
    assert (dict(jackknife.contributions), jackknife.problem) == ({}, problem)


@pytest.mark.parametrize(
    ("clusters", "rows", "groups"),
    [(None, 3, [0, 1, 2]), ([5, 5, 1], 3, [5, 5, 1]), (None, 501, [n % 200 for n in range(501)])],
)
def test_many_clusters_are_left_out_together(
    clusters: list[int] | None, rows: int, groups: list[int]
) -> None:
    assert list(cluster_groups(clusters, rows)) == groups


@pytest.mark.parametrize("limits", [(0.0, 1.0), (-1.0, 1.0), None])
def test_tests_agree_with_the_interval(limits: tuple[float, float] | None) -> None:
    values = np.random.default_rng(4).normal(0.6, 0.4, size=60)
    mean = ColumnMean(ClusterSums(values, np.ones(60)), limits)
    assert mean.low is not None
    assert mean.high is not None
    assert mean.low < mean.mean < mean.high
    assert mean.p_greater(mean.low) == pytest.approx(0.025)
    assert mean.p_less(mean.high) == pytest.approx(0.025)
    assert mean.p_less(mean.mean) == pytest.approx(0.5)


def test_rows_that_all_pass_are_no_certainty() -> None:
    mean = ColumnMean(ClusterSums(np.ones(30), np.ones(30)), (0.0, 1.0))
    assert (round(mean.low or 0, 3), mean.high) == (0.878, 1.0)
    assert mean.p_less(0.9) > 0.05 > mean.p_less(1.0) - 1
    few = ColumnMean(ClusterSums(np.ones(30), np.ones(30)), (0.0, 1.0), unseen=0.1**2)
    assert few.low is not None
    assert few.low < 0.8


Pairs = list[tuple[str, str]]
WORLDS = {  # shares of the classes, and of right answers
    "even": ([0.5, 0.5], 0.8),
    "one rare": ([0.9, 0.1], 0.9),
    "skewed": ([0.5, 0.25, 0.12, 0.08, 0.05], 0.8),
}
DRAWS = 400
METRICS = {"macro_f1": macro_f1, "balanced_accuracy": balanced_accuracy}


def draw_pairs(rng: np.random.Generator, world: str, rows: int) -> tuple[Pairs, Pairs]:
    """Expected and answered classes of two equal variants, which often answer alike."""
    shares, right = WORLDS[world]
    count = len(shares)
    expected = rng.choice(count, size=rows, p=shares)

    def answers() -> np.ndarray:
        others = (expected + rng.integers(1, count, size=rows)) % count
        return np.where(rng.random(rows) < right, expected, others)

    first = answers()
    second = np.where(rng.random(rows) < 0.5, first, answers())
    return tuple(  # type: ignore[return-value]
        [(str(e), str(a)) for e, a in zip(expected, each, strict=True)] for each in (first, second)
    )


def contributions(
    metric: Callable[..., object], pairs: Pairs, labels: list[str]
) -> ColumnMean | None:
    """None: a class has no rows, or so few that single ones decide."""
    if len({expected for expected, _ in pairs}) < len(labels):
        return None

    def value(rows: Pairs) -> float:
        return float(metric(rows, labels=labels).value)  # type: ignore[attr-defined]

    jackknife = delete_groups(
        lambda rows: value([pairs[n] for n in rows]), range(len(pairs)), limit_s=60
    )
    if not jackknife.contributions:
        return None
    values = np.array(list(jackknife.contributions.values()))
    extra = sum((value([*pairs, pair]) - jackknife.value) ** 2 for pair in unseen_pairs(pairs))
    return ColumnMean(ClusterSums(values, np.ones(len(values))), (0.0, 1.0), extra)


@pytest.mark.parametrize(
    ("name", "world", "rows"),
    [
        ("macro_f1", "even", 50),
        ("balanced_accuracy", "one rare", 50),
        *(
            pytest.param(name, world, rows, marks=pytest.mark.nightly)
            for name in METRICS
            for world in WORLDS
            for rows in (50, 200)
        ),
    ],
)
def test_intervals_cover_and_equal_variants_are_not_told_apart(
    name: str, world: str, rows: int
) -> None:
    rng, (shares, right) = np.random.default_rng(rows), WORLDS[world]
    labels = [str(n) for n in range(len(shares))]
    truth = true_value(name, shares, right)
    covered = better = measured = 0
    while measured < draws_of(DRAWS):
        first, second = (
            contributions(METRICS[name], pairs, labels) for pairs in draw_pairs(rng, world, rows)
        )
        if not first or not second:
            continue
        measured += 1
        assert first.low is not None
        assert first.high is not None
        covered += first.low <= truth <= first.high
        by_row = [{n: [v] for n, v in enumerate(each.sample.sums)} for each in (first, second)]
        difference = column_difference(*by_row, SHARE)
        assert difference
        (verdict,) = verdicts([difference], margins=[0.05], higher_is_better=True)
        better += verdict.outcome == "better"
    least = 0.9 if (name, world, rows) == ("macro_f1", "skewed", 50) else 0.93
    assert_rate(covered, DRAWS, truth=(least, 1.0), tight=(least - 0.02, 1.0))
    assert_rate(better, DRAWS, truth=(0.0, 0.025), tight=(0.0, 0.05))


def true_value(name: str, shares: list[float], right: float) -> float:
    count = len(shares)
    table = np.outer(shares, np.full(count, (1 - right) / (count - 1)))
    np.fill_diagonal(table, np.multiply(shares, right))
    found = np.diagonal(table)
    if name == "balanced_accuracy":
        return float((found / table.sum(axis=1)).mean())
    return float((2 * found / (table.sum(axis=0) + table.sum(axis=1))).mean())
