"""The results of a loop after each save: a short table, the differences, the rows behind them.

prompts/qa/short.jinja saved: 4 sent, 12 stored, 0.3 s
variant  exact_match      rows
short    0.750 n=4           4
         +0.250 unclear
plain    0.500 n=4           4
short, exact_match: 0.500 → 0.750, +0.250 [-0.421, +0.759], not enough evidence
  better: r3
"""

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from workbench.comparing.state_changes import MetricChange, VariantChange
from workbench.errors import list_first, pluralize
from workbench.report.compare import difference_text
from workbench.report.leaderboard import mean_number, rank_numbers, styled_verdict
from workbench.report.safe_text import NAME_WIDTH, plain, seconds, shorten
from workbench.report.tables import new_table
from workbench.results.types import MetricResult, VariantResult
from workbench.watch.file_changes import FileChanges
from workbench.watch.loop_state import LoopState

MAX_IDS = 5  # of rows
MAX_FILES = 3
MAX_REASONS = 3


def title(state: LoopState) -> str:
    """`prompts/qa/short.jinja saved: 4 sent, 12 stored, 0.3 s`."""
    requests = state.invocation.requests
    counts = {"sent": requests.sent + requests.verdicts, "stored": requests.stored}
    parts = [f"{count:,} {name}" for name, count in counts.items() if count]
    return f"{changes_text(state.files)}: {', '.join([*parts, seconds(state.seconds)])}"


def changes_text(files: FileChanges) -> str:
    """The names of changed files as the beginning of a line."""
    groups = {"saved": files.saved, "new": files.new, "deleted": files.deleted}
    parts = [f"{_file_names(names)} {word}" for word, names in groups.items() if names]
    return "; ".join(parts) if parts else "run again"


def _file_names(names: Sequence[str]) -> str:
    return list_first([shorten(name, NAME_WIDTH) for name in names], MAX_FILES)


def state_table(state: LoopState) -> Table:
    """The variants, best first, and each metric's difference from before the save."""
    results = state.compared.results
    table = new_table()
    table.add_column("variant", overflow="fold")
    for name in results[0].metrics:
        table.add_column(Text(plain(name)), no_wrap=True)
    table.add_column("rows", justify="right")
    changes = _by_number(state.changes)
    for number in rank_numbers(results):
        result, change = results[number], changes.get(number)
        cells = [Text(shorten(result.variant.name, NAME_WIDTH))]
        for name, metric in result.metrics.items():
            cell = _mean(metric)
            if metric_change := change.metrics.get(name) if change else None:
                cell.append("\n").append(styled_verdict(metric_change.comparison, "\n"))
            cells.append(cell)
        table.add_row(*cells, Text(_rows(result)))
    return table


def state_blocks(state: LoopState) -> Text:
    """The table for a narrow terminal: a block per variant, a line per metric and difference."""
    results, changes = state.compared.results, _by_number(state.changes)
    text = Text()
    for number in rank_numbers(results):
        result, change = results[number], changes.get(number)
        name = shorten(result.variant.name, NAME_WIDTH)
        rows = "row" if _rows(result) == "1" else "rows"
        text.append(f"{name}, {_rows(result)} {rows}\n", style="bold")
        for metric_name, metric in result.metrics.items():
            text.append(plain(f"  {metric_name}: ")).append(_mean(metric)).append("\n")
            if metric_change := change.metrics.get(metric_name) if change else None:
                text.append("    ").append(styled_verdict(metric_change.comparison, ", ")).append(
                    "\n"
                )
    text.rstrip()
    return text


def state_lines(state: LoopState) -> Iterator[str]:
    """The differences from before the save with their rows, failures, and new variants."""
    results = state.compared.results
    for change in state.changes:
        name = shorten(results[change.number].variant.name, NAME_WIDTH)
        for metric, metric_change in change.metrics.items():
            yield f"{name}, {shorten(metric)}: {_difference(metric_change)}"
            yield from _row_lines(metric_change)
        if not change.rows:
            yield f"{name}: no row is the same as before, so nothing is compared"
    yield from _failures(results)
    if state.invocation.not_run:
        ids = [shorten(row, 40) for row in state.invocation.not_run]
        yield f"not run: {list_first(ids, MAX_IDS)}"


def _by_number(changes: Sequence[VariantChange]) -> Mapping[int, VariantChange]:
    return {change.number: change for change in changes}


def _mean(metric: MetricResult) -> Text:
    text = Text()
    if metric.mean is not None:
        unit = f" {shorten(metric.unit)}" if metric.unit else ""
        text.append(mean_number(metric.mean) + unit, style="bold")
    elif metric.kind == "category":
        outcomes = [f"{count} {shorten(name, 20)}" for name, count in metric.outcomes.items()]
        text.append(list_first(outcomes, 3))
    else:
        text.append("no value", style="dim")
    text.append(f" n={metric.n}", style="dim")
    if metric.answers.errors:
        text.append(f" {pluralize(metric.answers.errors, 'error')}", style="yellow")
    return text


def _rows(result: VariantResult) -> str:
    rows = result.rows
    is_complete = rows.scored == rows.planned
    return f"{rows.scored:,}" if is_complete else f"{rows.scored:,} of {rows.planned:,}"


def _difference(change: MetricChange) -> str:
    difference, verdict = change.comparison.difference, change.comparison.verdict
    values = f"{mean_number(difference.before)} → {mean_number(difference.after)}"
    if verdict.reason:
        return f"{values}, no verdict: {verdict.reason}"
    text = f"{values}, {difference_text(difference)}, {verdict.text}"
    return text if change.better or change.worse else f"{text}; no row has another value"


def _row_lines(change: MetricChange) -> Iterator[str]:
    for word, rows in (("better", change.better), ("worse", change.worse)):
        if rows:
            yield f"  {word}: {list_first([shorten(row, 40) for row in rows], MAX_IDS)}"


def _failures(results: Sequence[VariantResult]) -> Iterator[str]:
    reasons: dict[str, int] = {}
    for result in results:
        for reason, count in result.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    most = sorted(reasons.items(), key=lambda pair: -pair[1])
    yield from (f"  {count:,} × {shorten(reason, 200)}" for reason, count in most[:MAX_REASONS])
