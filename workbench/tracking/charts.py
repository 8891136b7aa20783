"""Charts of an invocation's metrics, logged beside its comparison in MLflow.

figures/exact_match.png    a line per variant: mean, 95% interval, difference to the baseline
"""

import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from workbench.results.scores import shown_ends
from workbench.results.types import VariantResult
from workbench.stats.verdicts import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE

COLOURS = {BETTER: "#11734b", WORSE: "#b3261e", EQUIVALENT: "#1c5f8a", INCONCLUSIVE: "#5c6570"}
BASELINE = "#1b1f24"
WIDTH, LINE_HEIGHT, MARGIN = 9.0, 0.35, 1.2  # inches
DPI = 120
MAX_NAME_LENGTH = 48


def draw_charts(results: Sequence[VariantResult], folder: Path) -> None:
    """Draw a file per metric that has a mean, with the best variant on top."""
    folder.mkdir()
    for name in results[0].metrics:
        with_mean = [result for result in results if result.metrics[name].mean is not None]
        if with_mean:
            _figure(name, with_mean).savefig(folder / chart_file(name), dpi=DPI)


def _figure(name: str, results: Sequence[VariantResult]) -> Figure:
    higher_is_better = results[0].metrics[name].higher_is_better
    results = sorted(
        results, key=lambda result: result.metrics[name].mean or 0.0, reverse=not higher_is_better
    )
    figure = Figure(figsize=(WIDTH, MARGIN + LINE_HEIGHT * len(results)), layout="constrained")
    axes = figure.add_subplot()
    for y, result in enumerate(results):
        metric, comparison = result.metrics[name], result.comparisons.get(name)
        verdict = comparison.verdict.outcome if comparison else ""
        colour = COLOURS[verdict] if comparison else BASELINE
        if ends := shown_ends(metric):
            axes.plot(ends, [y, y], color=colour, linewidth=2)
        if metric.median:
            axes.plot([metric.median.value], [y], "|", color=colour, markersize=12)
        axes.plot([metric.mean or 0.0], [y], "o", color=colour)
        if comparison:
            axes.annotate(
                f"{comparison.difference.mean:+.3f} {comparison.verdict.word}",
                (1.01, y),
                xycoords=("axes fraction", "data"),
                va="center",
                color=colour,
                annotation_clip=False,
            )
    axes.set_yticks(range(len(results)), [short_name(result.variant.name) for result in results])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    unit = results[0].metrics[name].unit
    value = "value" if results[0].metrics[name].kind == "column" else "mean"
    has_median = any(result.metrics[name].median for result in results)
    interval = "mean; median with 95% interval" if has_median else f"{value} and 95% interval"
    caption = f"{name}, {interval}" + (f" ({unit})" if unit else "")
    axes.set_xlabel(caption)
    axes.xaxis.label.set_parse_math(False)
    axes.margins(y=0.15)
    axes.grid(axis="x", alpha=0.3)
    return figure


def short_name(name: str) -> str:
    """The beginning of a variant's name."""
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"


def chart_file(metric: str) -> str:
    """The file of a metric's chart."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", metric) + ".png"
