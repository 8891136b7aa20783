"""The numbers as pictures, for whoever looks at the run in MLflow: one a metric.

draw(results, folder)    figures/exact_match.png, …
"""

import re
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from workbench.results.metrics import VariantResult
from workbench.stats import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE

COLOURS = {BETTER: "#11734b", WORSE: "#b3261e", EQUIVALENT: "#1c5f8a", INCONCLUSIVE: "#5c6570"}
WORDS = {INCONCLUSIVE: "unclear"}
BASELINE = "#1b1f24"
WIDTH, LINE, EDGE = 9.0, 0.35, 1.2  # inches
DPI = 120


def draw(results: Sequence[VariantResult], folder: Path) -> None:
    """A file a metric that has a mean: every variant's with its interval, the best on top."""
    folder.mkdir()
    for name in results[0].metrics:
        own = [one for one in results if one.metrics[name].mean is not None]
        if own:
            file = re.sub(r"[^A-Za-z0-9_.+-]", "_", name)
            _figure(name, own).savefig(folder / f"{file}.png", dpi=DPI)


def _figure(name: str, results: Sequence[VariantResult]) -> Figure:
    higher = results[0].metrics[name].higher_is_better
    ordered = sorted(results, key=lambda one: one.metrics[name].mean or 0.0, reverse=not higher)
    figure = Figure(figsize=(WIDTH, EDGE + LINE * len(ordered)), layout="constrained")
    axes = figure.add_subplot()
    for place, result in enumerate(ordered):
        metric, beside = result.metrics[name], result.comparisons.get(name)
        colour = COLOURS[beside.verdict.outcome] if beside else BASELINE
        mean = metric.mean or 0.0
        if metric.low is not None and metric.high is not None:
            axes.plot([metric.low, metric.high], [place, place], color=colour, linewidth=2)
        axes.plot([mean], [place], "o", color=colour)
        said = beside.verdict.outcome if beside else ""
        axes.annotate(
            f"{beside.difference.mean:+.3f} {WORDS.get(said, said)}" if beside else "",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            color=colour,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(ordered)), [_short(one.variant.name) for one in ordered])
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    unit = results[0].metrics[name].unit
    axes.set_xlabel(f"{name}, mean and 95% interval" + (f" ({unit})" if unit else ""))
    axes.xaxis.label.set_parse_math(False)
    axes.margins(y=0.15)
    axes.grid(axis="x", alpha=0.3)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= 48 else f"{name[:47]}…"
