"""Expected labels against those that answers name, for each variant.

               answered
               yes    no   unparsed
expected  yes   40     9      1
          no     5    45      0
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workbench.canonical import JSON
from workbench.figures.figure_style import BASELINE, WIDTH, wrap_name
from workbench.results.types import VariantResult

MAX_VARIANTS = 6  # the best ones
COLUMNS = 2
TITLE_WIDTH = 36  # characters of a line
CELL, BORDER = 0.45, 1.5  # inches: a row of a table, and what is around the rows


def confusion_figures(
    tables: Sequence[Mapping[str, JSON]], results: Sequence[VariantResult]
) -> dict[str, Figure]:
    """A figure per table of a metric, as `ConfusionTable.as_json` has it, by the metric's name."""
    return {table["metric"]: confusion_figure(table, results) for table in tables}


def confusion_figure(table: Mapping[str, JSON], results: Sequence[VariantResult]) -> Figure:
    """A table per variant, the best first; a cell's colour is its share of the expected label."""
    shown = _best_first(table, results)[:MAX_VARIANTS]
    rows = -(-len(shown) // COLUMNS)
    height = rows * (BORDER + CELL * len(table["expected"]))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for place, number in zip(axes, shown, strict=False):
        place.set_title(wrap_name(results[number].variant.name, TITLE_WIDTH), fontsize=10)
        _draw(place, np.array(table["counts"][number]), table)
    for unused in axes[len(shown) :]:
        unused.set_axis_off()
    figure.supxlabel(f"answered, by {table['metric']}", fontsize=10)
    figure.supylabel("expected", fontsize=10)
    return figure


def _best_first(table: Mapping[str, JSON], results: Sequence[VariantResult]) -> list[int]:
    def mean(number: int) -> float:
        metric = results[number].metrics.get(table["metric"])
        return metric.mean if metric and metric.mean is not None else -1.0

    answered = [number for number, counts in enumerate(table["counts"]) if np.any(counts)]
    return sorted(answered, key=mean, reverse=True)


def _draw(axes: Axes, counts: NDArray[np.int64], table: Mapping[str, JSON]) -> None:
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(table["columns"])), table["columns"], rotation=30, ha="right")
    axes.set_yticks(range(len(table["expected"])), table["expected"])
    axes.tick_params(length=0, labelsize=9)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.6 else BASELINE
        weight = "bold" if table["columns"][column] == table["expected"][row] else "normal"
        axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, weight=weight)
