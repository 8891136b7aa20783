"""Colours and sizes that the figures share, and their files.

exact_match.png   the figure of the metric exact_match
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import wrap

from matplotlib.figure import Figure

from workbench.results.scores import number_text
from workbench.results.types import MetricComparison, VariantResult
from workbench.stats.verdicts import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE

COLOURS = {BETTER: "#11734b", WORSE: "#b3261e", EQUIVALENT: "#1c5f8a", INCONCLUSIVE: "#5c6570"}
BASELINE = "#1b1f24"
WIDTH = 9.0  # inches
DPI = 120
NAME_WIDTH, MAX_NAME_LINES = 44, 3  # characters of a line


def wrap_name(name: str, width: int = NAME_WIDTH) -> str:
    r"""A variant's name on lines of `width` characters; only a very long one is cut.

    >>> wrap_name("few_shot · gpt-6-luna · temperature=0.7", 24)
    'few_shot · gpt-6-luna ·\ntemperature=0.7'
    """
    return "\n".join(wrap(name, width, max_lines=MAX_NAME_LINES, placeholder="…"))


def verdict_label(comparison: MetricComparison | None, separator: str = "") -> str:
    """`+0.133 better`, or `baseline` for a variant that is compared with none."""
    if comparison is None:
        return f"{separator}baseline"
    mean = number_text(comparison.difference.mean, "+")
    return f"{separator}{mean} {comparison.verdict.word}"


def baseline_text(results: Sequence[VariantResult], metric: str) -> str:
    """The baseline of the differences; empty if nothing is compared."""
    compared = [result.comparisons[metric] for result in results if metric in result.comparisons]
    names = list(dict.fromkeys(comparison.baseline for comparison in compared))
    if not names:
        return ""
    name = names[0] if len(names) == 1 else "the baseline that shares all else"
    return wrap_name(f"differences from {name}", 60)


def save_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write a PNG file per figure, named after its metric, into a new folder."""
    folder.mkdir()
    for metric, figure in figures.items():
        figure.savefig(folder / f"{re.sub(r'[^A-Za-z0-9_.+-]', '_', metric)}.png", dpi=DPI)
