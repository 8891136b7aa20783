"""The rows behind a difference, on a terminal and as Markdown.

exact_match: 10 rows better, 1 worse
worse: r12, exact_match 1 → 0: 'yes' is now 'no' (expected 'yes')
"""

from collections.abc import Iterator

from workbench.comparing.changed_rows import RowChange
from workbench.comparing.comparison import ExperimentComparison
from workbench.dataset import EXPECTED
from workbench.errors import pluralize
from workbench.report.safe_text import shorten
from workbench.results.tally import metric_scales

MAX_WORSE_ROWS = 5
OUTPUT_WIDTH = 70  # characters


def row_lines(compared: ExperimentComparison, number: int) -> Iterator[str]:
    """The number of rows that got better and worse by each metric, then the worst rows."""
    changes = [change for change in compared.changes if change.variant == number]
    scales = metric_scales(compared.plan.experiment.evaluators, compared.tallies)
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
    for change in list(worse.values())[:MAX_WORSE_ROWS]:
        yield f"  worse: {_change_text(change)}"


def _change_text(change: RowChange) -> str:
    """`r12, exact_match 1 → 0: 'yes' is now 'no' (expected 'yes')`."""
    before, after = (f"{shorten(text, OUTPUT_WIDTH)!r}" for text in change.answers)
    expected = change.expectations.get(EXPECTED)
    note = "" if expected is None else f" (expected {shorten(str(expected), OUTPUT_WIDTH)!r})"
    values = " → ".join(
        "none" if value is None else f"{value:g}" for value in (change.before, change.after)
    )
    row = f"{shorten(change.row, 40)}, {shorten(change.metric)} {values}"
    return f"{row}: {before} is now {after}{note}"
