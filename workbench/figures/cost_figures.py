"""Quality against cost: a numbered point per variant, and its interval.

exact_match   |        2 |
              |   1 |    |             1  zero_shot · luna (baseline)
              |     |                  2  few_shot · nova, +0.133 better
                  USD for 1,000 rows
"""

from collections.abc import Sequence

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
NEAR, SHIFT = 0.02, 0.2  # of the range of costs; inches to the right, so that equal ones are seen
LOG_RATIO = 20  # of the highest cost to the lowest, above which the axis is logarithmic


def cost_figure(metric: str, results: Sequence[VariantResult], currency: str) -> Figure | None:
    """A metric's means against the cost of 1,000 rows; None: fewer than two variants have both."""
    points = [
        (result.cost_of_1000, mean, result)
        for result in results
        if result.cost_of_1000 is not None and (mean := result.metrics[metric].mean) is not None
    ]
    if len(points) < 2:
        return None
    higher_is_better = points[0][2].metrics[metric].higher_is_better
    points.sort(key=lambda point: point[1], reverse=higher_is_better)
    height = max(HEIGHT, 1 + LINE_HEIGHT * len(points))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    costs = [cost for cost, _, _ in points]
    near = NEAR * (max(costs) - min(costs))
    for number, (cost, mean, result) in enumerate(points, 1):
        neighbours = sum(abs(cost - other) <= near for other in costs[: number - 1])
        shift = ScaledTranslation(neighbours * SHIFT, 0, figure.dpi_scale_trans)
        place = axes.transData + shift
        comparison = result.comparisons.get(metric)
        colour = COLOURS[comparison.verdict.outcome] if comparison else BASELINE
        if ends := shown_ends(result.metrics[metric]):
            axes.plot([cost] * 2, ends, color=colour, alpha=0.6, linewidth=1, transform=place)
        label = f"{number}  {wrap_name(result.variant.name)}{verdict_label(comparison, ', ')}"
        axes.plot([cost], [mean], "o", color=colour, markersize=5, label=label, transform=place)
        axes.annotate(
            str(number),
            (cost, mean),
            (5 + 72 * neighbours * SHIFT, 3),
            textcoords="offset points",
            fontsize=9,
            color=colour,
        )
    if min(costs) > 0 and max(costs) > LOG_RATIO * min(costs):
        axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_xlabel(f"{currency} for 1,000 rows", parse_math=False)
    axes.set_ylabel(f"{metric}, 95% interval", parse_math=False)
    axes.grid(alpha=0.3)
    _add_legend(figure, baseline_text([result for _, _, result in points], metric))
    return figure


def _add_legend(figure: Figure, title: str) -> None:
    """Add the names of the points beside the axes, which get narrower, so that none is cut."""
    legend = figure.legend(loc="outside right upper", frameon=False, fontsize=8, handlelength=1)
    legend.set_title(title)
    legend.get_title().set_fontsize(8)
    for text in [*legend.get_texts(), legend.get_title()]:
        text.set_parse_math(False)
