"""Recorded runs over time on a terminal and as JSON.

few_shot · smollm2
  when              commit    version  mean                  rows  difference               …
  2026-11-20 14:02  1f2e3d4   3        0.780 [0.707, 0.839]  150
  2026-11-21 09:11  9ab0c1d+  4        0.840 [0.773, 0.890]  150   +0.060 [+0.010, +0.110]  …
    prompt version 3 → 4
"""

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from workbench.canonical import JSON
from workbench.catalog.models import find_note
from workbench.comparing.history import (
    Change,
    Measurement,
    RecordedMean,
    Series,
    TaskHistory,
    VariantRecord,
)
from workbench.errors import pluralize
from workbench.report.compare import difference_text, left_out_lines, rows_text
from workbench.report.estimates import estimate, with_median_note
from workbench.report.safe_text import plain, shorten
from workbench.report.tables import align_rows
from workbench.results.serialize import comparison_json
from workbench.stats.verdicts import INCONCLUSIVE

HEADER = ("when", "commit", "version", "mean", "rows", "difference", "verdict")
UNMEASURED = ("when", "commit", "version", "", "rows", "", "")
MEAN = "mean with 95% interval"
COMMIT_LENGTH = 7
MIN_WIDTH = 40  # characters
MAX_VALUE_LENGTH = 60  # characters


@with_median_note
def history_lines(history: TaskHistory, width: int) -> Iterator[str]:
    """A block per variant, with a line per measurement; narrow terminals get two lines for it."""
    yield from textwrap.wrap(_title(history), max(width, MIN_WIDTH))
    for series in history.series:
        yield ""
        yield shorten(series.name, width)
        yield from _series_lines(series, width)
    yield ""
    for line in _footer(history):
        yield from textwrap.wrap(line, max(width, MIN_WIDTH), subsequent_indent="  ")


def _title(history: TaskHistory) -> str:
    if not history.metric:
        return "no metric: the runs, and what changed between them"
    records = (m.record for series in history.series for m in series.measurements)
    has_median = any(record.metrics[history.metric].median for record in records)
    interval = "mean, median with 95% interval" if has_median else MEAN
    return (
        f"{shorten(history.metric)}: {interval}; difference from the run before, on the same rows"
    )


def _series_lines(series: Series, width: int) -> Iterator[str]:
    cells = [_cells(measurement, series.metric) for measurement in series.measurements]
    header, *lines = align_rows([HEADER if series.metric else UNMEASURED, *cells])
    wide = max(map(len, [header, *lines])) <= width
    if wide:
        yield header
    for row, line, measurement in zip(cells, lines, series.measurements, strict=True):
        first = measurement is series.measurements[0]
        notes = list(_notes(measurement, series.metric, first=first))
        if not wide:
            when, commit, version, mean, rows, *difference = row
            commit = commit.ljust(COMMIT_LENGTH + 1)
            count, _, clusters = rows.partition(" ")
            noun = "row" if count == "1" else "rows"
            parts = [when, commit, f"v{version}", *filter(None, [mean])]
            line = f"  {'  '.join(parts)}  {count} {noun} {clusters}".rstrip()
            notes = [*([" ".join(difference)] if any(difference) else []), *notes]
        yield line.rstrip()
        for note in notes:
            yield from textwrap.wrap(
                note, max(width, MIN_WIDTH), initial_indent="    ", subsequent_indent="      "
            )


def _cells(measurement: Measurement, metric: str) -> tuple[str, ...]:
    record, comparison = measurement.record, measurement.comparison
    run = (
        _local_time(record),
        (plain(record.commit)[:COMMIT_LENGTH] or "none") + "+" * record.modified,
        shorten(record.version, 10),
    )
    if not metric:
        return (*run, "", shorten(record.dataset.get("rows", ""), 10), "", "")
    value = record.metrics[metric]
    verdict = comparison.verdict.text if comparison else ""
    return (
        *run,
        "no value" if value.mean is None else estimate(value.mean, value),
        rows_text(value.n, value.clusters or value.n),
        difference_text(comparison.difference) if comparison else "",
        verdict.replace(INCONCLUSIVE, "unclear"),
    )


def _notes(measurement: Measurement, metric: str, *, first: bool) -> Iterator[str]:
    """Edits, rows that are not compared, the worst case, and the equal runs."""
    if note := measurement.record.note:
        yield shorten(note, 160)
    if measurement.changes:
        yield "; ".join(map(change_text, measurement.changes))
    elif not first:
        yield "the same requests, other answers"
    counts = {
        "edited": measurement.edited,
        "added": measurement.added,
        "removed": measurement.removed,
    }
    if any(counts.values()):
        listed = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
        yield f"rows not compared: {listed}"
    if measurement.not_compared:
        yield f"not compared: {measurement.not_compared}"
    worst = measurement.record.metrics[metric].worst if metric else None
    if worst and worst.mean is not None:
        at_worst = estimate(worst.mean, worst)
        yield f"with the worst score for failed answers {at_worst}"
    if measurement.comparison:
        yield from map("difference: {}".format, left_out_lines(measurement.comparison))
    if measurement.record.stopped:
        yield f"dropped out of a race: {shorten(measurement.record.stopped, 160)}"
    if measurement.equal:
        runs = pluralize(len(measurement.equal), "more run")
        yield f"{runs} with the same answers, the last at {_local_time(measurement.equal[-1])}"


def change_text(change: Change) -> str:
    """`prompt version 3 → 4`."""
    values = (
        shorten(value, MAX_VALUE_LENGTH) or "not set" for value in (change.before, change.after)
    )
    return f"{shorten(change.name)} {' → '.join(values)}"


def _footer(history: TaskHistory) -> Iterator[str]:
    margins = {
        f"{measurement.comparison.margin:.3g}"
        for series in history.series
        for measurement in series.measurements
        if measurement.comparison
    }
    if margins:
        yield "verdicts: a false one in at most 5% of variants, all runs of it together (Holm)"
        yield f"equivalent: within {', '.join(sorted(margins))} (`margin:` in the experiment file)"
    yield from map(plain, _model_notes(history))
    if others := [shorten(name) for name in history.metrics if name != history.metric]:
        yield f"other metrics: {', '.join(others)} (--metric)"
    if history.older:
        yield "earlier runs are not shown (--last)"
    if history.incomplete:
        runs = pluralize(history.incomplete, "incompletely recorded run")
        yield f"{runs} of variants left out: workbench sync completes them"


def _local_time(record: VariantRecord) -> str:
    return f"{_time(record).astimezone():%Y-%m-%d %H:%M}"


def _time(record: VariantRecord) -> datetime:
    return datetime.fromtimestamp(record.started_ms / 1000, UTC)


def _model_notes(history: TaskHistory) -> list[str]:
    refs = dict.fromkeys(m.record.model for each in history.series for m in each.measurements)
    notes = ((ref, find_note(ref.removeprefix("transformers:"))) for ref in refs)
    return [f"{ref}: {note}" for ref, note in notes if note]


def history_json(history: TaskHistory) -> dict[str, JSON]:
    """The history with all that the terminal shows; `difference` is this run minus the earlier."""
    return {
        "experiment": history.experiment,
        "metric": history.metric,
        "metrics": list(history.metrics),
        "incomplete": history.incomplete,
        "older": history.older,
        **({"model_notes": notes} if (notes := _model_notes(history)) else {}),
        "variants": [
            {
                "name": series.name,
                "runs": [_measurement_json(each, series.metric) for each in series.measurements],
            }
            for series in history.series
        ],
    }


def _measurement_json(measurement: Measurement, metric: str) -> dict[str, JSON]:
    record, comparison = measurement.record, measurement.comparison
    value = record.metrics.get(metric) or RecordedMean(None)
    return {
        "time": _time(record).isoformat(timespec="seconds"),
        "commit": record.commit,
        "modified": record.modified,
        "parent_run_id": record.invocation,
        "run_id": record.run_id,
        "variant": record.name,
        "prompt": record.prompt,
        "version": record.version,
        "model": record.model,
        "mean": value.mean,
        "low": value.low,
        "high": value.high,
        "n": value.n,
        "clusters": value.clusters or None,
        "tail_unknown": value.tail_unknown,
        "median": asdict(value.median) if value.median else None,
        "worst_case": asdict(value.worst) if value.worst else None,
        **({"note": record.note} if record.note else {}),
        "changes": [asdict(change) for change in measurement.changes],
        "edited": measurement.edited,
        "added": measurement.added,
        "removed": measurement.removed,
        "stopped": record.stopped,
        "not_compared": measurement.not_compared,
        "comparison": comparison_json(comparison) if comparison else None,
        "equal_runs": [record.run_id for record in measurement.equal],
    }
