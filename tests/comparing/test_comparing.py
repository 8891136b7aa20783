"""Each variant beside its baseline: the choice of baselines, and the comparisons."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from io import StringIO

import pytest
from bench import Bench, refusal
from rich.console import Console

from workbench.comparing.metrics import add_comparisons
from workbench.comparing.selectors import select_comparisons
from workbench.evaluator import Score, Traits
from workbench.model import Completion
from workbench.plan import Plan, Scope
from workbench.report.leaderboard import leaderboard, leaderboard_blocks, verdict_lines
from workbench.results.serialize import variant_json
from workbench.results.tally import Tally
from workbench.results.types import MetricComparison, RecordedVariant, Row, VariantResult
from workbench.results.variant_results import variant_results

CROSS = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short]
models: [echo:last, echo:prompt]
grid: {temperature: [0, 1]}
evaluators: [exact_match]
"""
PAIR = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short]
models: [echo:last]
evaluators: [exact_match]
"""
BEATEN = "plain"
Answers = Mapping[str, Sequence[Score | None]]  # None: the answer failed


@pytest.fixture
def rows(bench: Bench) -> Callable[[int], None]:
    bench.write("short.jinja", "Short: {{ text }}")

    def write(count: int) -> None:
        lines = [f'{{"text": "{n}", "label": "1"}}\n' for n in range(count)]
        bench.write("rows.jsonl", "".join(lines))

    write(2)
    return write


def against(plan: Plan) -> dict[str, str]:
    names = [variant.name for variant in plan.variants]
    return {
        name: names[base]
        for name, base in zip(names, plan.baselines, strict=True)
        if base is not None
    }


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("line", ["", "baseline: plain\n"])
def test_a_prompt_is_the_baseline_of_what_shares_all_else(bench: Bench, line: str) -> None:
    assert against(bench.plan(CROSS + line)) == {
        f"short · {model} · temperature={point}": f"plain · {model} · temperature={point}"
        for model in ("last", "prompt")
        for point in (0, 1)
    }


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("line", ["baseline: prompt\n", "baseline: echo:prompt\n"])
def test_a_model_is_the_baseline_of_what_shares_all_else(bench: Bench, line: str) -> None:
    assert against(bench.plan(CROSS + line)) == {
        f"{prompt} · last · temperature={point}": f"{prompt} · prompt · temperature={point}"
        for prompt in ("plain", "short")
        for point in (0, 1)
    }


@pytest.mark.usefixtures("rows")
def test_a_variant_is_the_baseline_of_all_others(bench: Bench) -> None:
    base = "short · last · temperature=1"
    baselines = against(bench.plan(f'{CROSS}baseline: "{base}"\n'))
    assert (len(baselines), set(baselines.values())) == (7, {base})


def test_of_a_single_prompt_the_first_model_is_the_baseline(bench: Bench) -> None:
    text = (
        "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last, echo:prompt]\n"
        "evaluators: [output_tokens]\n"
    )
    assert against(bench.plan(text)) == {"plain · prompt": "plain · last"}
    grid = text.replace(", echo:prompt", "") + "grid: {temperature: [0, 1]}\n"
    assert against(bench.plan(grid)) == {"plain · temperature=1": "plain · temperature=0"}


@pytest.mark.usefixtures("rows")
def test_a_baseline_that_is_not_run_leaves_nothing_to_compare(bench: Bench) -> None:
    plan = bench.plan(CROSS + "baseline: plain\n", scope=Scope(only=["short*"]))
    assert against(plan) == {}


@pytest.mark.usefixtures("rows")
def test_a_name_that_is_nothing_of_the_experiment_is_refused(bench: Bench) -> None:
    message = refusal(bench.plan, CROSS + "baseline: plane\n")
    assert "unknown baseline 'plane'\n  fix: did you mean 'plain'?" in message
    message = refusal(bench.plan, CROSS + "margin: {exact_mach: 0.1}\n")
    assert "exact_mach" in message
    assert "exact_match" in message
    assert "margin" in refusal(bench.plan, CROSS + "margin: -1\n")


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("selectors", "pairs"),
    [
        (["plain", "short"], {"short · last": "plain · last", "short · prompt": "plain · prompt"}),
        (["last", "prompt"], {"plain · prompt": "plain · last", "short · prompt": "short · last"}),
        (
            ["plain · last", "short"],
            {"short · last": "plain · last", "short · prompt": "plain · last"},
        ),
        (["1" * 32, "short"], {"short · last": "plain · last"}),
        (["1" * 32, "2" * 32], {"short · last": "plain · last"}),
    ],
)
def test_two_selections_are_paired_by_all_that_they_share(
    bench: Bench, selectors: list[str], pairs: dict[str, str]
) -> None:
    """A run is as good as its variants: here one of each prompt on the first model."""
    plan = bench.plan(CROSS.replace("grid: {temperature: [0, 1]}\n", ""))
    runs = {
        str(number) * 32: [RecordedVariant("qa", f"{prompt.ref}@1", prompt.digest, "echo:last", {})]
        for number, prompt in enumerate(plan.experiment.prompts, 1)
    }
    assert against(select_comparisons(selectors, plan, runs)) == pairs


def score_plan(
    plan: Plan, answers: Answers, tallies: list[Tally] | None = None, missing: str = "filtered"
) -> list[VariantResult]:
    """Results of a plan whose rows got these scores, by variant; `tallies` is filled.

    `missing` is the state of an answer without a score.
    """
    tallies = [] if tallies is None else tallies
    for variant, cells in zip(plan.variants, plan.cells, strict=True):
        tally = Tally(plan.experiment.evaluators, len(cells), plan.experiment.repeats)
        for number, score in enumerate(answers[variant.name]):
            state = "ok" if score else missing
            scores = {"exact_match": score} if score else {}
            tally.add(number, Row(cells[number], Completion(cells[number].key, state), scores))
        tallies.append(tally)
    return add_comparisons(variant_results(plan, tallies, {}), tallies, plan)


def passes(*values: int) -> list[Score | None]:
    return [Score(bool(value)) for value in values]


def only(results: Sequence[VariantResult]) -> MetricComparison:
    assert results[0].comparisons == {}
    return results[1].comparisons["exact_match"]


def test_a_difference_on_the_same_rows_gets_a_word(
    bench: Bench, rows: Callable[[int], None]
) -> None:
    rows(40)
    results = score_plan(
        bench.plan(PAIR),
        {"plain": passes(*[0] * 20, *[1] * 20), "short": passes(*[1] * 15, *[0] * 5, *[1] * 20)},
    )
    comparison = only(results)
    assert (comparison.baseline, comparison.verdict.outcome, comparison.difference.mean) == (
        "plain",
        "better",
        0.375,
    )
    assert (
        comparison.difference.rows,
        comparison.left_out,
        comparison.worst,
        comparison.margin,
    ) == (40, 0, None, 0.05)
    assert "+0.375 better" in leaderboard_blocks(results, currency="USD").plain
    fields = variant_json(results[1])["comparisons"]["exact_match"]
    assert (fields["verdict"], fields["difference"], fields["up"], fields["down"]) == (
        "better",
        0.375,
        15,
        0,
    )


def test_a_row_that_failed_is_left_out_and_counts_as_the_worst_beside_it(
    bench: Bench, rows: Callable[[int], None]
) -> None:
    """Three answers of the second failed, on rows the first got right."""
    rows(40)
    results = score_plan(
        bench.plan(PAIR), {"plain": passes(*[1] * 40), "short": [*passes(*[1] * 37), *[None] * 3]}
    )
    comparison = only(results)
    assert (comparison.difference.rows, comparison.difference.mean, comparison.left_out) == (
        37,
        0.0,
        3,
    )
    assert comparison.worst
    assert (comparison.worst.rows, comparison.worst.mean) == (40, pytest.approx(-3 / 40))
    lines = verdict_lines(results)
    assert lines[-1].startswith(
        "  short, exact_match: 3 rows left out; with the worst score for failed answers -0.075 ["
    )


def test_open_comparison_says_how_many_rows_would_settle_it(
    bench: Bench, rows: Callable[[int], None]
) -> None:
    rows(10)
    results = score_plan(
        bench.plan(PAIR + "margin: {exact_match: 0.01}\n"),
        {"plain": passes(*[0] * 5, *[1] * 5), "short": passes(*[1] * 3, *[0] * 3, *[1] * 4)},
    )
    comparison = only(results)
    assert (comparison.verdict.outcome, comparison.margin) == ("not enough evidence", 0.01)
    lines = verdict_lines(results)
    assert lines[0].startswith("verdicts: against plain, on the same rows")
    assert lines[1] == "equivalent: within exact_match 0.01 (`margin:` in the experiment file)"
    low, high = comparison.verdict.rows_needed_low, comparison.verdict.rows_needed
    assert f"; {low:,} to {high:,} rows would settle it (10 show " in lines[2]


def test_a_single_variant_has_no_baseline(bench: Bench) -> None:
    assert verdict_lines([]) == []
    assert bench.plan().baselines == (None,)


@pytest.mark.usefixtures("rows")
def test_categories_are_not_compared(bench: Bench) -> None:
    results = score_plan(
        bench.plan(PAIR), {name: [Score("a"), Score("b")] for name in ("plain", "short")}
    )
    assert results[1].comparisons == {}


def test_repeats_give_pass_at_k_and_flaky_rows(bench: Bench) -> None:
    """One row of two passes in two of three tries, the other always."""
    bench.write("rows.jsonl", '{"id": "x", "text": "1"}\n{"id": "y", "text": "2"}\n')
    text = PAIR.replace("{path: rows.jsonl, expected: label}", "rows.jsonl")
    text = text.replace("[plain, short]", "[plain]").replace("exact_match", "output_tokens")
    plan = bench.plan(f"{text}repeats: 3\n")
    judge = replace(plan.experiment.evaluators[0], name="exact_match", traits=Traits())
    plan = replace(plan, experiment=replace(plan.experiment, evaluators=(judge,)))
    (result,) = score_plan(plan, {"plain": passes(1, 0, 1, 1, 1, 1)})
    metric = result.metrics["exact_match"]
    assert (metric.pass_at[1], metric.pass_at[3]) == (pytest.approx(5 / 6), 1.0)
    assert (metric.pass_all[2], metric.pass_all[3]) == (pytest.approx(2 / 3), 0.5)
    assert result.flaky == {"exact_match": ["x"]}
    assert variant_json(result)["metrics"]["exact_match"]["flaky"] == ["x"]
    console = Console(width=90, record=True, file=StringIO())
    console.print(leaderboard([result], currency="USD"))
    shown = [line.strip() for line in console.export_text().splitlines()]
    assert shown[-3:] == ["pass^3 0.500", "pass@3 1.000", "1 flaky row"]
