"""The rows behind a difference, on a terminal and as Markdown.

exact_match: 10 rows better, 7 worse
worse: row 13, r12: 'Is water wet?' (expected 'yes'), exact_match 1 → 0: 'yes' is now 'no'
and 2 more rows are worse: --json lists all of them
"""

from collections.abc import Iterator

from workbench.comparing.changed_rows import RowChange, answer_text
from workbench.comparing.comparison import ExperimentComparison
from workbench.dataset import EXPECTED, Example
from workbench.errors import pluralize
from workbench.evaluator.row_values import NO_EVALUATORS
from workbench.report.safe_text import shorten

MAX_WORSE_ROWS = 5
OUTPUT_WIDTH = 70  # characters
INPUT_WIDTH = 70  # of all columns together
MIN_COLUMN_WIDTH = 12  # of the value of a column among many


def row_lines(compared: ExperimentComparison, number: int) -> Iterator[str]:
    """The number of rows that got better and worse by each metric, then the worst rows."""
    changes, scales = compared.changes_by_variant.get(number, ()), compared.scales
    worse: dict[str, RowChange] = {}
    for evaluator in compared.plan.experiment.evaluators:
        comparison = compared.results[number].comparisons.get(evaluator.name)
        if comparison is None:
            continue
        gains: dict[str, float] = {}
        of_metric = [change for change in changes if change.metric == evaluator.name]
        for change in of_metric:
            gains[change.row] = gains.get(change.row, 0.0) + change.gain
        difference = comparison.worst or comparison.difference
        step = 1 if evaluator.traits.higher_is_better else -1
        up, down = (difference.up, difference.down)[::step]
        if up or down:
            yield f"  {shorten(evaluator.name)}: {pluralize(up, 'row')} better, {down:,} worse"
        for change in sorted(of_metric, key=lambda change: gains[change.row]):
            was_worst = change.before == scales[evaluator.name].worst
            if gains[change.row] < 0 and change.gain < 0 and not was_worst:
                worse.setdefault(change.row, change)
    examples = {each.id: (row, each) for row, each in enumerate(compared.plan.examples, 1)}
    for change in list(worse.values())[:MAX_WORSE_ROWS]:
        yield f"  worse: {example_text(*examples[change.row])}, {_change_text(change)}"
    if (more := len(worse) - MAX_WORSE_ROWS) > 0:
        rows = pluralize(more, "more row is", "more rows are")
        yield f"  and {rows} worse: --json lists all of them"


def answer_lines(compared: ExperimentComparison, base: int, number: int) -> Iterator[str]:
    """The number of answers that differ and the first of them, where nothing is measured."""
    if compared.plan.experiment.evaluators:
        return
    repeats, answered, differing = compared.plan.experiment.repeats, 0, 0
    shown: list[str] = []
    for before, after in zip(compared.read_rows(base), compared.read_rows(number), strict=True):
        base_rows = {index: row for index, row in before if row.completion}
        for index, row in after:
            if row.completion is None or index not in base_rows:
                continue
            answers = answer_text(base_rows[index]), answer_text(row)
            answered += 1
            differing += answers[0] != answers[1]
            if answers[0] != answers[1] and len(shown) < MAX_WORSE_ROWS:
                place = example_text(index // repeats + 1, row.cell.example)
                shown.append(f"  {place}, {_became(answers)}")
    yield f"  {NO_EVALUATORS}; {differing:,} of {pluralize(answered, 'answer')} differ"
    yield from shown
    if differing > len(shown):
        rows = pluralize(differing - len(shown), "more answer differs", "more answers differ")
        yield f"  and {rows}: workbench view shows them side by side"


def example_text(number: int, example: Example) -> str:
    """A row by number, from 1, and id: `row 13, r12: 'Is water wet?' (expected 'yes')`."""
    inputs, expected = example.inputs, example.expectations.get(EXPECTED)
    width = max(MIN_COLUMN_WIDTH, INPUT_WIDTH // max(1, len(inputs)))
    values = [f"{shorten(str(value), width)!r}" for value in inputs.values()]
    if len(values) > 1:
        named = zip(inputs, values, strict=True)
        values = [f"{shorten(name, width)}: {value}" for name, value in named]
    note = "" if expected is None else f" (expected {shorten(str(expected), OUTPUT_WIDTH)!r})"
    place = f"row {number:,}, {shorten(example.id, 40)}"
    return (f"{place}: {', '.join(values)}" if values else place) + note


def _change_text(change: RowChange) -> str:
    """`exact_match 1 → 0: 'yes' is now 'no'`."""
    values = " → ".join(
        "none" if value is None else f"{value:g}" for value in (change.before, change.after)
    )
    return f"{shorten(change.metric)} {values}: {_became(change.answers)}"


def _became(answers: tuple[str, str]) -> str:
    """`'yes' is now 'no'`."""
    before, after = (f"{shorten(text, OUTPUT_WIDTH)!r}" for text in answers)
    return f"{before} is now {after}"
