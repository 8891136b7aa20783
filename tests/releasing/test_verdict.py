"""The ruling on a promotion, from verdicts, checks and what is missing."""

from dataclasses import replace

import pytest

from workbench.comparing.checks import Check
from workbench.releasing.verdict import Gap, Ruling, decisive_outcome, rule
from workbench.results.types import MetricComparison
from workbench.stats.pairs import Difference, paired_difference
from workbench.stats.sample import Scale
from workbench.stats.verdicts import Verdict

GAP = Gap("no answers", "workbench run")


def difference() -> Difference:
    values = {row: [float(row % 2)] for row in range(10)}
    (found,) = [paired_difference(values, values, Scale((0.0, 1.0)), tuple(range(10)))]
    assert found
    return found


def comparison(outcome: str, *, worst: str = "", reason: str = "") -> MetricComparison:
    def verdict(word: str) -> Verdict:
        return Verdict(word, 1.0, 1.0, None, None, reason)

    compared = MetricComparison("plain", difference(), verdict(outcome), 0.05, 0)
    if worst:
        return replace(compared, worst=difference(), worst_verdict=verdict(worst))
    return compared


OPEN = "not enough evidence"


@pytest.mark.parametrize(
    ("verdicts", "checks", "gaps", "outcome", "exit_code"),
    [
        ([], ["passed"], [], "taken", 0),
        (["better"], [], [], "taken", 0),
        (["equivalent"], ["passed"], [], "taken", 0),
        (["better", "equivalent"], ["passed", "passed"], [], "taken", 0),
        (["better", "worse"], ["passed"], [], "worse", 1),
        (["worse"], [OPEN], [], "worse", 1),
        (["worse"], ["failed"], [], "gate failed", 1),
        (["better"], ["passed", "failed"], [], "gate failed", 1),
        ([], ["failed"], [], "gate failed", 1),
        (["better", OPEN], ["passed"], [], OPEN, 8),
        (["better"], [OPEN], [], OPEN, 8),
        (["better"], ["passed"], [GAP], "no evidence", 8),
        ([], [], [GAP], "no evidence", 8),
        (["worse"], ["failed"], [GAP], "no evidence", 8),
    ],
)
def test_the_ruling(
    verdicts: list[str], checks: list[str], gaps: list[Gap], outcome: str, exit_code: int
) -> None:
    comparisons = {f"m{n}": comparison(word) for n, word in enumerate(verdicts)}
    outcomes = [Check(0, "m0", "at least 0.6", word) for word in checks]
    ruling = rule(comparisons, outcomes, gaps)
    assert (ruling.outcome, int(ruling.exit_code)) == (outcome, exit_code)


def test_the_metrics_and_gaps_behind_a_ruling_are_named() -> None:
    worse = {"a": comparison("worse"), "b": comparison("better"), "c": comparison("worse")}
    assert rule(worse, [], []) == Ruling("worse", ("a", "c"))
    unclear = {"a": comparison("better"), "b": comparison(OPEN), "c": None}
    assert rule(unclear, [], []) == Ruling(OPEN, ("b", "c"))
    assert rule({}, [], [GAP]) == Ruling("no evidence", (), (GAP,))


@pytest.mark.parametrize(
    ("compared", "outcome"),
    [
        (comparison("better", worst="worse"), "worse"),
        (comparison("worse", worst="equivalent"), "equivalent"),
        (replace(comparison("better"), worst_unknown=True), OPEN),
        (comparison("better", reason="a time of another day"), OPEN),
        (None, OPEN),
    ],
)
def test_failed_answers_count_as_the_worst(compared: MetricComparison | None, outcome: str) -> None:
    assert decisive_outcome(compared) == outcome
