"""A metric's means with their intervals, the best variant on top.

few_shot · luna    |      --o--          +0.040 better
zero_shot · luna   |   --o--
exact_match, mean and 95% interval
"""

from collections.abc import Sequence

from matplotlib.figure import Figure

from workbench.figures.figure_style import (
    BASELINE,
    COLOURS,
    WIDTH,
    baseline_text,
    verdict_label,
    wrap_name,
)
from workbench.results.scores import shown_ends
from workbench.results.types import VariantResult

LINE_HEIGHT, MARGIN = 0.35, 1.2  # inches


def mean_figures(results: Sequence[VariantResult]) -> dict[str, Figure]:
    """A figure per metric that has a mean, by the metric's name."""
    figures: dict[str, Figure] = {}
    for metric in results[0].metrics:
        with_mean = [result for result in results if result.metrics[metric].mean is not None]
        if with_mean:
            figures[metric] = mean_figure(metric, with_mean)
    return figures


def mean_figure(name: str, results: Sequence[VariantResult]) -> Figure:
    """A line per variant: mean, 95% interval, and the difference from the baseline."""
    higher_is_better = results[0].metrics[name].higher_is_better
    results = sorted(
        results, key=lambda result: result.metrics[name].mean or 0.0, reverse=not higher_is_better
    )
    figure = Figure(figsize=(WIDTH, MARGIN + LINE_HEIGHT * len(results)), layout="constrained")
    axes = figure.add_subplot()
    compares = baseline_text(results, name)
    for y, result in enumerate(results):
        metric, comparison = result.metrics[name], result.comparisons.get(name)
        verdict = comparison.verdict.outcome if comparison else ""
        colour = COLOURS[verdict] if comparison else BASELINE
        if ends := shown_ends(metric):
            axes.plot(ends, [y, y], color=colour, linewidth=2)
        if metric.median:
            axes.plot([metric.median.value], [y], "|", color=colour, markersize=12)
        axes.plot([metric.mean or 0.0], [y], "o", color=colour)
        if comparison or compares:
            axes.annotate(
                verdict_label(comparison),
                (1.01, y),
                xycoords=("axes fraction", "data"),
                va="center",
                color=colour,
                annotation_clip=False,
            )
    axes.set_yticks(range(len(results)), [wrap_name(result.variant.name) for result in results])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    unit = results[0].metrics[name].unit
    value = "value" if results[0].metrics[name].kind == "column" else "mean"
    has_median = any(result.metrics[name].median for result in results)
    interval = "mean; median with 95% interval" if has_median else f"{value} and 95% interval"
    caption = f"{name}, {interval}" + (f" ({unit})" if unit else "")
    caption += f"\n{compares}" if compares else ""
    axes.set_xlabel(caption)
    axes.xaxis.label.set_parse_math(False)
    axes.margins(y=0.15)
    axes.grid(axis="x", alpha=0.3)
    return figure
