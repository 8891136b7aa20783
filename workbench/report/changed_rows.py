"""The rows behind a difference, on a terminal and as Markdown.

exact_match: 10 rows better, 7 worse
worse: r12 'Is water wet?' (expected 'yes'), exact_match 1 → 0: 'yes' is now 'no'
and 2 more rows are worse: --json lists all of them
"""

from collections.abc import Iterator

from workbench.comparing.changed_rows import RowChange
from workbench.comparing.comparison import ExperimentComparison
from workbench.dataset import EXPECTED, Example
from workbench.errors import pluralize
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
    examples = {example.id: example for example in compared.plan.examples}
    for change in list(worse.values())[:MAX_WORSE_ROWS]:
        yield f"  worse: {example_text(examples[change.row])}, {_change_text(change)}"
    if (more := len(worse) - MAX_WORSE_ROWS) > 0:
        rows = pluralize(more, "more row is", "more rows are")
        yield f"  and {rows} worse: --json lists all of them"


def example_text(example: Example) -> str:
    """A row by id, input and expected answer: `r12 'Is water wet?' (expected 'yes')`."""
    inputs, expected = example.inputs, example.expectations.get(EXPECTED)
    width = max(MIN_COLUMN_WIDTH, INPUT_WIDTH // max(1, len(inputs)))
    values = [f"{shorten(str(value), width)!r}" for value in inputs.values()]
    if len(values) > 1:
        named = zip(inputs, values, strict=True)
        values = [f"{shorten(name, width)}: {value}" for name, value in named]
    note = "" if expected is None else f" (expected {shorten(str(expected), OUTPUT_WIDTH)!r})"
    return f"{shorten(example.id, 40)} {', '.join(values)}".rstrip() + note


def _change_text(change: RowChange) -> str:
    """`exact_match 1 → 0: 'yes' is now 'no'`."""
    before, after = (f"{shorten(text, OUTPUT_WIDTH)!r}" for text in change.answers)
    values = " → ".join(
        "none" if value is None else f"{value:g}" for value in (change.before, change.after)
    )
    return f"{shorten(change.metric)} {values}: {before} is now {after}"
