"""A metric with one value for all rows: counts, kind and refusals, without MLflow."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace

import pytest
from bench import Bench, refusal
from test_comparing import passes, score_plan

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Limits, decide
from workbench.comparing.power import Target, plan_power
from workbench.evaluator import Evaluator, Score, Traits
from workbench.plan import Plan, Scope, make_plan
from workbench.results.column_score import ColumnScore
from workbench.results.tally import Tally
from workbench.results.types import interval_text
from workbench.results.variant_results import variant_results

TEXT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short]
models: [echo:last]
evaluators: [exact_match]
"""
RMSE = Evaluator("rmse", traits=Traits(higher_is_better=False, by_column=True))
REFUSED = "can't use rmse: it has one value for all rows and none of a single row"
PROBLEM = "it has no interval, because it hangs on single rows"
SHARES = {0: 0.5, 2: 0.75, 3: 0.25, 4: 0.5}
ANSWERS: dict[str, Sequence[Score | None]] = {
    "plain": passes(1, 1, 0, 0, 1),
    "short": [*passes(1, 1, 1, 1), None],
}


def comparison(bench: Bench, shares: Mapping[int, float] = SHARES) -> ExperimentComparison:
    """Two prompts with five rows, of which one failed; the first metric has no values of rows."""
    bench.write("short.jinja", "short: {{ text }}")
    bench.write("rows.jsonl", "".join(f'{{"text": "{n}", "label": "1"}}\n' for n in range(5)))
    plan = bench.plan(TEXT)
    tallies: list[Tally] = []
    evaluators = (RMSE, *plan.experiment.evaluators)
    plan = replace(plan, experiment=replace(plan.experiment, evaluators=evaluators))
    score_plan(plan, ANSWERS, tallies)
    for tally, rows in zip(tallies, (5, 4), strict=True):
        problem = "" if shares else PROBLEM
        score = ColumnScore(0.5, 0.25, 0.75, shares, problem=problem, unread={1: "no number"})
        tally.add_column("rmse", score, range(rows))
    results = variant_results(plan, tallies, {})
    return ExperimentComparison(plan, results, tallies, lambda _: ())


def test_its_counts_add_up_and_failed_rows_are_named(bench: Bench) -> None:
    compared = comparison(bench)
    first, second = (result.metrics["rmse"] for result in compared.results)
    assert (first.mean, first.low, first.high, first.kind) == (0.5, 0.25, 0.75, "column")
    assert astuple(first.answers) == (4, 1, 0, 0, 0)
    assert astuple(second.answers) == (3, 1, 0, 1, 0)
    assert (second.n, second.errors, second.failed, second.worst) == (3, 1, 1, None)
    assert second.decisive is None
    assert interval_text(second) == ("0.500 [0.250, 0.750] n=3, 1 error, without failed rows")


@pytest.mark.parametrize(
    ("shares", "compared_by"), [(SHARES, ["rmse", "exact_match"]), ({}, ["exact_match"])]
)
def test_it_is_compared_by_contributions_of_the_same_rows(
    bench: Bench, shares: Mapping[int, float], compared_by: list[str]
) -> None:
    compared = comparison(bench, shares)
    compared = compared.with_baselines(compared.plan.baselines)
    first, second = compared.results
    assert (list(first.comparisons), list(second.comparisons)) == ([], compared_by)
    assert second.metrics["rmse"].problem == ("" if shares else PROBLEM)
    if shares:
        difference = second.comparisons["rmse"].difference
        assert (difference.rows, difference.mean, difference.up) == (3, 0.0, 0)
    assert decide(compared, Limits()).metric == "exact_match"


def test_decide_takes_it_by_name_and_power_refuses_it(bench: Bench) -> None:
    compared = comparison(bench)
    ranking = decide(compared, Limits("rmse"))
    assert [(c.variant, c.against) for c in ranking.candidates] == [
        (0, ("1 failed row; rmse has no worst score",)),
        (1, ("2 failed rows; rmse has no worst score",)),
    ]
    power = refusal(plan_power, compared, [], Target("rmse", 0.1))
    assert f"--power {REFUSED}" in power


@pytest.mark.parametrize(("race", "metric"), [("rmse", ""), ("", "exact_match")])
def test_a_race_on_it_is_refused(bench: Bench, race: str, metric: str) -> None:
    experiment = comparison(bench).plan.experiment

    def plan() -> Plan:
        return make_plan(experiment, bench.renderer, lambda _: set(), Scope(race=race))

    if metric:
        assert plan().race == metric
    else:
        assert f"a race {REFUSED}" in refusal(plan)
