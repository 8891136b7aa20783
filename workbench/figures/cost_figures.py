"""Quality against cost, latency or tokens: a numbered point per variant, and its interval.

exact_match   |        2 |
              |   1 |    |             1  zero_shot · luna (baseline)
              |     |                  2  few_shot · nova, +0.133 better
                  USD for 1,000 rows
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

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

HEIGHT, LINE_HEIGHT = 4.2, 0.26  # inches
NEAR = 0.02  # of the range of the values
SHIFT = 0.2  # inches to the right, so that equal ones are seen
Point = tuple[float, float, VariantResult]  # its place across, its mean
LOG_RATIO = 20  # of the highest value to the lowest, above which the axis is logarithmic


def cost_figures(metric: str, results: Sequence[VariantResult], currency: str) -> dict[str, Figure]:
    """Draw a metric's means against `cost`, `latency` and, where no cost is known, `tokens`.

    A figure needs two variants that have both numbers.
    """
    with_mean = [result for result in results if result.metrics[metric].mean is not None]
    costs = [(result.cost_of_1000, result) for result in with_mean]
    latencies = [(result.latency_s, result) for result in with_mean]
    tokens = [(_tokens_of_1000(result), result) for result in with_mean]
    figures = {
        "cost": _figure(metric, costs, f"{currency} for 1,000 rows"),
        "latency": _figure(metric, latencies, "seconds of an answer, mean"),
    }
    if figures["cost"] is None:
        figures["tokens"] = _figure(metric, tokens, "tokens for 1,000 rows, input and output")
    return {name: figure for name, figure in figures.items() if figure}


def _tokens_of_1000(result: VariantResult) -> float | None:
    return (
        None if not result.tokens or not result.replies else 1_000 * result.tokens / result.replies
    )


def _figure(
    metric: str, pairs: Sequence[tuple[float | None, VariantResult]], label_of_x: str
) -> Figure | None:
    """A metric's means against other numbers of the variants, by pairs of number and variant."""
    points = [
        (value, result.metrics[metric].mean or 0.0, result)
        for value, result in pairs
        if value is not None
    ]
    if len(points) < 2:
        return None
    higher_is_better = points[0][2].metrics[metric].higher_is_better
    points.sort(key=lambda point: point[1], reverse=higher_is_better)
    height = max(HEIGHT, 1 + LINE_HEIGHT * len(points))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = _draw_points(figure, metric, points)
    values = [value for value, _, _ in points]
    if min(values) > 0 and max(values) > LOG_RATIO * min(values):
        axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.autoscale_view()
    axes.set_xlabel(label_of_x, parse_math=False)
    axes.set_ylabel(f"{metric}, 95% interval", parse_math=False)
    axes.grid(alpha=0.3)
    _add_legend(figure, baseline_text([result for _, _, result in points], metric))
    return figure


def _draw_points(figure: Figure, metric: str, points: Sequence[Point]) -> Axes:
    """Draw the points with their numbers and intervals; near ones stand side by side."""
    axes = figure.add_subplot()
    values = [value for value, _, _ in points]
    near = NEAR * (max(values) - min(values))
    for number, (value, mean, result) in enumerate(points, 1):
        neighbours = sum(abs(value - other) <= near for other in values[: number - 1])
        shift = ScaledTranslation(neighbours * SHIFT, 0, figure.dpi_scale_trans)
        place = axes.transData + shift
        comparison = result.comparisons.get(metric)
        colour = COLOURS[comparison.verdict.outcome] if comparison else BASELINE
        ends = shown_ends(result.metrics[metric])
        # Matplotlib leaves what has a transform of its own out of the limits.
        axes.update_datalim([(value, height) for height in (mean, *(ends or ()))])
        if ends:
            axes.plot([value] * 2, ends, color=colour, alpha=0.6, linewidth=1, transform=place)
        label = f"{number}  {wrap_name(result.variant.name)}{verdict_label(comparison, ', ')}"
        axes.plot([value], [mean], "o", color=colour, markersize=5, label=label, transform=place)
        axes.annotate(
            str(number),
            (value, mean),
            (5 + 72 * neighbours * SHIFT, 3),
            textcoords="offset points",
            fontsize=9,
            color=colour,
        )
    return axes


def _add_legend(figure: Figure, title: str) -> None:
    """Add the names of the points beside the axes, which get narrower, so that none is cut."""
    legend = figure.legend(loc="outside right upper", frameon=False, fontsize=8, handlelength=1)
    legend.set_title(title)
    legend.get_title().set_fontsize(8)
    for text in [*legend.get_texts(), legend.get_title()]:
        text.set_parse_math(False)
