"""The variant to take: limits, Pareto front, support, wording."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from bench import Bench, refusal
from hypothesis import given
from hypothesis import strategies as st
from test_comparing import passes, score_plan

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.decision import Limits, Ranking, decide
from workbench.evaluator import Score, Traits
from workbench.stats.best_variant import pareto_front
from workbench.stats.quantiles import Quantile, summarize_times

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
    traits: Traits | None = None,
    copies: int = 1,
) -> Ranking:
    """Costs are of all rows; latencies of an answer; each row stands `copies` times."""
    rows = len(answers["plain"])
    for name in ("short", "cheap"):
        bench.write(f"{name}.jinja", f"{name}: {{{{ text }}}}")
    lines = "".join(f'{{"text": "{n // copies}", "label": "1"}}\n' for n in range(rows))
    bench.write("rows.jsonl", lines)
    plan = bench.plan(TEXT)
    if traits:
        evaluator = replace(plan.experiment.evaluators[0], traits=traits)
        plan = replace(plan, experiment=replace(plan.experiment, evaluators=(evaluator,)))
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
    assert (poor.against, poor.support) == (("exact_match below 0.5",), 0.0)
    assert best.support + close.support == pytest.approx(1)
    assert decision.words.startswith("Take plain: ")
    assert (
        "exact_match 0.900 [0.826, 0.945], n=100. After choosing from "
        "2 variants, expect 0.899 [0.826, 0.945]. May be the best, too: short; of these short "
        "costs 67% as much."
    ) in decision.words


def test_a_floor_within_the_interval_is_not_certain(bench: Bench) -> None:
    decision = decided(bench, {"plain": GOOD, "short": POOR, "cheap": POOR}, Limits(floor=0.88))
    assert decision.candidates[0].unsure
    assert decision.words.endswith("the floor is within its interval.")


def test_a_metric_without_a_range_is_decided_without_an_interval_of_its_mean(bench: Bench) -> None:
    scores = [[Score(100.0 + add + n * 7 % 40) for n in range(40)] for add in (9, 5, 0)]
    answers = dict(zip(("plain", "short", "cheap"), scores, strict=True))
    decision = decided(bench, answers, Limits(floor=101), traits=Traits(kind="number"))
    best, *others = decision.candidates
    assert (best.low, best.high, best.tail_unknown, best.unsure) == (None, None, True, True)
    assert best.median == Quantile(128.5, 122.0, 135.0)
    chosen = decision.after_choosing
    assert chosen
    assert (chosen.low, chosen.high, chosen.median) == (None, None, Quantile(128.5, 121.0, 135.0))
    assert [each.as_good for each in others] == [True, True], "nothing excludes them"
    assert "Take plain: exact_match 128.500, median 128.500 [122.000, 135.000], n=40." in (
        decision.words
    )
    assert decision.words.endswith("It may be beyond the floor: its mean has no interval.")
    assert decided(bench, answers, Limits(), traits=Traits(kind="number")).words[-6:] != "floor."


def test_no_variant_that_keeps_the_limits_says_why(bench: Bench) -> None:
    answers = {"plain": GOOD, "short": FAIR, "cheap": POOR}
    decision = decided(bench, answers, Limits(max_cost=5, max_latency_s=0.5), costs=(3, None, 1))
    assert decision.words == (
        "No variant can be taken (plain: cost above 5, latency above 0.5; short: cost not "
        "known, latency above 0.5; cheap: cost above 5, latency above 0.5)."
    )


def test_failed_rows_count_at_the_worst(bench: Bench) -> None:
    """`short` fails on the 40 hard rows and has the better mean on the others."""
    quits = [*passes(*[1] * 53, *[0] * 7), *[None] * 40]
    answers = {"plain": passes(*[1] * 75, *[0] * 25), "short": quits, "cheap": [None] * 100}
    decision = decided(bench, answers, Limits(floor=0.6))
    plain, short, cheap = decision.candidates
    assert (plain.variant, plain.support, plain.rows) == (0, 1.0, 100)
    assert (short.quality, short.failed_rows, short.rows) == (0.53, 40, 100)
    assert short.against == ("exact_match below 0.6",)
    assert (cheap.quality, cheap.failed_rows) == (0.0, 100)
    assert "n=100, the only one that can be taken." in decision.words


def test_failed_rows_of_a_metric_without_a_range_exclude(bench: Bench) -> None:
    fast = [Score(float(2 + n % 3)) for n in range(100)]
    slow = [Score(float(1 + n % 3)) for n in range(100)]
    answers = {"plain": fast, "short": [*slow[:99], None], "cheap": slow}
    traits = Traits(higher_is_better=False)
    decision = decided(bench, answers, Limits(), traits=traits)
    assert [candidate.variant for candidate in decision.candidates] == [2, 0, 1]
    assert decision.candidates[2].against == ("1 failed row; exact_match has no worst score",)
    only_failing = {name: [*scores[:99], None] for name, scores in answers.items()}
    decision = decided(bench, only_failing, Limits(), traits=traits)
    assert (decision.after_choosing, decision.words[:23]) == (None, "No variant can be taken")


def test_a_time_decides_nothing(bench: Bench) -> None:
    """Equal variants differ by the load that they met."""
    slow, fast = ([Score(seconds)] * 100 for seconds in (2.0, 1.0))
    answers = {"plain": slow, "short": fast, "cheap": fast}
    traits = Traits(higher_is_better=False, unit="s")
    message = refusal(decided, bench, answers, Limits(), traits=traits)
    assert "exact_match is a time, and decide goes by a metric of the answers" in message
    assert "--max-latency" in message


def test_a_variant_of_few_rows_is_not_taken(bench: Bench) -> None:
    answers = {"plain": passes(*[1] * 60, *[0] * 40), "short": passes(*[1] * 5), "cheap": POOR}
    decision = decided(bench, answers, Limits())
    assert [candidate.variant for candidate in decision.candidates] == [0, 2, 1]
    assert decision.candidates[2].against == ("only 5 of 100 rows",)
    assert (decision.candidates[2].quality, decision.candidates[2].rows) == (1.0, 5)
    assert "All others are worse." in decision.words


def test_copies_of_rows_are_one_piece_of_evidence(bench: Bench) -> None:
    """`plain` is right on 14 of 20 rows and `short` on 12 of them; each row stands five times."""
    answers = {"plain": passes(*[1] * 70, *[0] * 30), "short": passes(*[1] * 60, *[0] * 40)}
    answers["cheap"] = POOR
    apart = decided(bench, answers, Limits(floor=0.5)).candidates
    copied = decided(bench, answers, Limits(floor=0.5), copies=5).candidates
    assert apart[0].support > 0.98
    assert 0.6 < copied[0].support < 0.9
    assert (apart[1].as_good, copied[1].as_good) == (False, True)


def test_equal_variants_are_not_shown_as_a_find(bench: Bench) -> None:
    """The first is luckiest by 3 rows of 60; rows 0 to 59 are copies of 20."""
    answers = {
        "plain": passes(*[1] * 39, *[0] * 21),
        "short": passes(*[0] * 21, *[1] * 36, *[0] * 3),
        "cheap": passes(*[1] * 15, *[0] * 15, *[1] * 21, *[0] * 9),
    }
    decision = decided(bench, answers, Limits())
    chosen = decision.after_choosing
    assert chosen
    assert decision.candidates[0].low
    assert chosen.low
    assert chosen.mean < decision.candidates[0].quality == 0.65
    assert (chosen.low < decision.candidates[0].low, chosen.high) == (
        True,
        decision.candidates[0].high,
    )
    assert [candidate.as_good for candidate in decision.candidates] == [True] * 3
    assert "May be the best, too: short and cheap" in decision.words


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
