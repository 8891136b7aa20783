"""The variant to take: limits, Pareto front, probabilities, wording."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from bench import Bench, refusal
from hypothesis import given
from hypothesis import strategies as st
from test_comparing import passes, score_plan

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Decision, Limits, decide
from workbench.evaluator import Score
from workbench.stats.choice import best_probabilities, pareto_front
from workbench.stats.quantiles import summarize_times

TEXT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short, cheap]
models: [echo:last]
evaluators: [exact_match]
"""
Costs = Sequence[float | None]


def decided(
    bench: Bench,
    answers: dict[str, Sequence[Score | None]],
    limits: Limits,
    costs: Costs = (3.0, 2.0, 1.0),
    latencies: Sequence[float] = (1.0, 1.0, 1.0),
) -> Decision:
    """Costs are of all rows; latencies of an answer."""
    rows = len(answers["plain"])
    for name in ("short", "cheap"):
        bench.write(f"{name}.jinja", f"{name}: {{{{ text }}}}")
    lines = "".join(f'{{"text": "{n}", "label": "1"}}\n' for n in range(rows))
    bench.write("rows.jsonl", lines)
    plan = bench.plan(TEXT)
    tallies: list = []
    results = [
        replace(result, cost=cost, latency=summarize_times([latency] * rows))
        for result, cost, latency in zip(
            score_plan(plan, answers, tallies), costs, latencies, strict=True
        )
    ]
    return decide(ExperimentComparison(plan, results, tallies, lambda _: ()), limits)


GOOD, FAIR, POOR = passes(*[1] * 90, *[0] * 10), passes(*[1] * 88, *[0] * 12), passes(*[0] * 100)


def test_the_best_that_keeps_all_limits_is_named_with_what_is_as_good(bench: Bench) -> None:
    decision = decided(bench, {"plain": GOOD, "short": FAIR, "cheap": POOR}, Limits(floor=0.5))
    assert [candidate.variant for candidate in decision.candidates] == [0, 1, 2]
    best, close, poor = decision.candidates
    assert (best.cost, best.on_front, close.on_front, close.as_good) == (30.0, True, True, True)
    assert (poor.against, poor.best_chance) == (("exact_match below 0.5",), 0.0)
    assert best.best_chance + close.best_chance == pytest.approx(1)
    assert decision.words.startswith("Take plain: exact_match 0.900 [")
    assert (
        "There is no evidence that short would be worse; of these short costs 67% of it."
        in decision.words
    )


def test_a_floor_within_the_interval_is_not_certain(bench: Bench) -> None:
    decision = decided(bench, {"plain": GOOD, "short": POOR, "cheap": POOR}, Limits(floor=0.88))
    assert decision.candidates[0].unsure
    assert decision.words.endswith("the floor is within its interval.")


def test_no_variant_that_keeps_the_limits_says_why(bench: Bench) -> None:
    answers = {"plain": GOOD, "short": FAIR, "cheap": POOR}
    decision = decided(bench, answers, Limits(max_cost=5, max_latency_s=0.5), costs=(3, None, 1))
    assert decision.words == (
        "No variant keeps all limits (plain: cost above 5, latency above 0.5; short: cost not "
        "known, latency above 0.5; cheap: cost above 5, latency above 0.5)."
    )


def test_a_metric_that_is_none_is_refused(bench: Bench) -> None:
    answers = {"plain": GOOD, "short": FAIR, "cheap": POOR}
    assert "did you mean 'exact_match'" in refusal(decided, bench, answers, Limits("exact"))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8),
)
def test_the_front_has_the_points_that_none_beats(points: list[tuple[int, int]]) -> None:
    front = pareto_front(points)
    assert any(front)
    for point, on_front in zip(points, front, strict=True):
        beaten = any(a >= point[0] and b >= point[1] and (a, b) != point for a, b in points)
        assert on_front != beaten


def test_the_chances_of_being_best_are_those_of_the_rows() -> None:
    same = {row: [float(row % 2)] for row in range(30)}
    assert best_probabilities([same, same], higher_is_better=True) == [0.5, 0.5]
    better = {row: [1.0] for row in range(30)}
    assert best_probabilities([same, better], higher_is_better=True) == [0.0, 1.0]
    assert best_probabilities([same, better], higher_is_better=False) == [1.0, 0.0]
    assert best_probabilities([{}, {}], higher_is_better=True) == [0.0, 0.0]


def test_a_variant_of_few_rows_leaves_the_others_theirs() -> None:
    """As one that dropped out of a race does."""
    first = {row: [float(row % 10 < 8)] for row in range(400)}
    second = {row: [float(row % 10 not in (0, 1, 2))] for row in range(400)}
    few = {row: [float(row % 10 < 3)] for row in range(45)}
    two = best_probabilities([first, second], higher_is_better=True)
    three = best_probabilities([first, second, few], higher_is_better=True)
    assert 0.9 < two[0] < 1.0
    assert three == [*two, 0.0]
