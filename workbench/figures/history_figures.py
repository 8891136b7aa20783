"""A metric over an experiment's last invocations: a panel per variant, edits marked.

    few_shot · luna
      v1            v2
      |-o-          |    -o-
      2026-11-20    2026-11-21
      14:02         09:11

They are drawn from what a search of the runs returns, without artifacts.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.comparing.history import (
    Change,
    Series,
    VariantRecord,
    build_series,
    metric_names,
)
from workbench.figures.figure_style import BASELINE, COLOURS, WIDTH, wrap_name
from workbench.results.scores import shown_ends
from workbench.stats.verdicts import EQUIVALENT

MAX_METRICS, MAX_PANELS = 3, 12  # a panel takes some 60 ms
TITLE_WIDTH = 130  # characters above a panel
MAX_LABELS = 10  # of the time axis
CROWDED, MAX_VERTICAL_MARK = 16, 5  # invocations above which marks are vertical; characters
PANEL_HEIGHT, HEAD, FOOT = 1.15, 0.65, 0.6  # inches
LEFT, RIGHT = 0.7, 0.65  # inches
EDITED = COLOURS[EQUIVALENT]


def history_figures(records: Sequence[VariantRecord]) -> dict[str, Figure]:
    """A figure per metric, as many as MAX_PANELS allows; one at least."""
    figures: dict[str, Figure] = {}
    panels = 0
    for metric in metric_names(records)[:MAX_METRICS]:
        series = build_series(records, metric)
        panels += len(series)
        if panels > max(MAX_PANELS, len(series)):
            break
        figures[metric] = history_figure(metric, series, records)
    return figures


def history_figure(
    metric: str, series: Sequence[Series], records: Sequence[VariantRecord]
) -> Figure:
    """A panel per variant, up to MAX_PANELS: mean and 95% interval of each run."""
    shown = series[:MAX_PANELS]
    starts = {record.invocation: record for record in records}
    ordered = sorted(starts.values(), key=lambda record: record.started_ms)
    places = {record.invocation: place for place, record in enumerate(ordered)}
    height = HEAD + PANEL_HEIGHT * len(shown) + FOOT
    figure = Figure(figsize=(WIDTH, height))
    subplots = figure.subplots(len(shown), sharex=True, sharey=True, squeeze=False)[:, 0]
    figure.subplots_adjust(
        left=LEFT / WIDTH,
        right=1 - RIGHT / WIDTH,
        top=1 - HEAD / height,
        bottom=FOOT / height,
        hspace=0.75,
    )
    for axes, each in zip(subplots, shown, strict=True):
        _draw_panel(axes, each, places)
    number = f", {len(shown)} of {len(series)} variants" if len(shown) < len(series) else ""
    shown_metrics = [r.metrics[metric] for r in records if metric in r.metrics]
    has_median = any(recorded.median for recorded in shown_metrics)
    interval = "mean, and 95% interval of the median" if has_median else "mean and 95% interval"
    title = f"{metric}, {interval} over runs{number}; edits are marked"
    figure.text(LEFT / WIDTH, 1 - 0.2 / height, title, va="center", parse_math=False)
    step = -(-len(ordered) // MAX_LABELS)
    ticks = range(len(ordered) - 1, -1, -step)
    axes.set_xticks(list(ticks), [_label(ordered[place]) for place in ticks], fontsize=7)
    axes.set_xlim(-0.5, len(ordered) - 0.5)
    return figure


def _draw_panel(axes: Axes, series: Series, places: dict[str, int]) -> None:
    axes.set_title(
        wrap_name(series.name, TITLE_WIDTH), loc="left", fontsize=9, pad=14, parse_math=False
    )
    axes.grid(axis="y", alpha=0.3)
    axes.tick_params(labelsize=8)
    axes.margins(y=0.2)
    edits = {each.record.run_id: each.changes for each in series.measurements if each.changes}
    runs = [run for each in series.measurements for run in (each.record, *each.equal)]
    for colour, size, edited in ((BASELINE, 3, False), (EDITED, 5, True)):
        shown = [run for run in runs if (run.run_id in edits) == edited]
        all_values = [(places[run.invocation], run.metrics[series.metric]) for run in shown]
        values = [(x, value) for x, value in all_values if value.mean is not None]
        ends = [(x, *interval) for x, value in values if (interval := shown_ends(value))]
        if ends:
            axes.vlines(*zip(*ends, strict=True), color=colour, linewidth=1.5)
        means = [value.mean or 0.0 for _, value in values]
        axes.plot([x for x, _ in values], means, "o", color=colour, markersize=size)
    crowded = len(places) > CROWDED
    for run in (run for run in runs if run.run_id in edits):
        mark = ", ".join(map(_mark, edits[run.run_id]))
        axes.annotate(
            mark[:MAX_VERTICAL_MARK] if crowded else mark,
            (places[run.invocation], 1.0),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            rotation=90 if crowded else 0,
            fontsize=7,
            color=EDITED,
            parse_math=False,
        )


def _mark(edit: Change) -> str:
    """`v4`, `dataset`, or the name of a setting."""
    return f"v{edit.after}" if edit.name == "prompt version" else edit.name


def _label(record: VariantRecord) -> str:
    """The day, the time and the commit of an invocation, on three lines."""
    start = datetime.fromtimestamp(record.started_ms / 1000, UTC).astimezone()
    return f"{start:%Y-%m-%d}\n{start:%H:%M}\n{record.commit[:7]}{'+' * record.modified}"
