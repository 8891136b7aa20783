"""Rows that every strong variant gets wrong, and rows that tell no variant from another."""

from bench import Bench
from test_comparing import passes, score_plan

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.row_patterns import RowPatterns
from workbench.report.compare import pattern_lines
from workbench.results.tally import Tally
from workbench.results.variant_results import variant_results

THREE = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, short, long]
models: [echo:last]
evaluators: [exact_match]
"""


def patterns_of(bench: Bench, **answers: list[int | None]) -> RowPatterns:
    (pattern,) = comparison_of(bench, **answers).patterns
    return pattern


def comparison_of(bench: Bench, **answers: list[int | None]) -> ExperimentComparison:
    bench.write("short.jinja", "Short: {{ text }}")
    bench.write("long.jinja", "Long: {{ text }}")
    count = len(next(iter(answers.values())))
    lines = [f'{{"text": "{n}", "label": "1"}}\n' for n in range(count)]
    bench.write("rows.jsonl", "".join(lines))
    plan, tallies = bench.plan(THREE), list[Tally]()
    scores = {
        name: [None if value is None else passes(value)[0] for value in values]
        for name, values in answers.items()
    }
    score_plan(plan, scores, tallies)
    return ExperimentComparison(plan, variant_results(plan, tallies, {}), tallies, lambda _: ())


def test_a_row_that_all_strong_variants_get_wrong_is_suspect(bench: Bench) -> None:
    pattern = patterns_of(
        bench,
        plain=[1, 1, 0, 0, 0, 0],  # weak: what it gets right or wrong says nothing of a label
        short=[1, 1, 1, 1, 0, 0],
        long=[1, 0, 1, 1, 0, None],  # the last answer failed
    )
    assert pattern == RowPatterns("exact_match", strong=(1, 2), suspect=(4,), same=(0, 4), rows=5)


def test_one_strong_variant_suspects_no_label(bench: Bench) -> None:
    pattern = patterns_of(bench, plain=[0, 0, 0, 0], short=[1, 1, 1, 0], long=[1, 0, 0, 0])
    assert (pattern.strong, pattern.suspect, pattern.same) == ((1,), (), (3,))


def test_suspect_rows_stand_with_input_and_expected_value_and_the_others_are_counted(
    bench: Bench,
) -> None:
    answers = [1] * 20 + [0] * 12
    compared = comparison_of(bench, plain=[0] * 32, short=answers, long=answers)
    head, first, *_, last = (line for line in pattern_lines(compared) if "differ" not in line)
    row = compared.plan.examples[20].id
    assert (head, first, last) == (
        "exact_match: 12 rows that all 2 strong variants get wrong, check their labels:",
        f"  row 21, {row}: '20' (expected '1')",
        "  and 2 more rows: --json lists all of them",
    )
