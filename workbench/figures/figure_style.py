"""Colours and sizes that the figures share, and their files.

exact_match.png   the figure of the metric exact_match
"""

import re
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

from workbench.stats.verdicts import BETTER, EQUIVALENT, INCONCLUSIVE, WORSE

COLOURS = {BETTER: "#11734b", WORSE: "#b3261e", EQUIVALENT: "#1c5f8a", INCONCLUSIVE: "#5c6570"}
BASELINE = "#1b1f24"
WIDTH = 9.0  # inches
DPI = 120
MAX_NAME_LENGTH = 48


def short_name(name: str) -> str:
    """The beginning of a variant's name.

    >>> short_name("few_shot · gpt-6-luna")
    'few_shot · gpt-6-luna'
    """
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"


def save_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write a PNG file per figure, named after its metric, into a new folder."""
    folder.mkdir()
    for metric, figure in figures.items():
        figure.savefig(folder / f"{re.sub(r'[^A-Za-z0-9_.+-]', '_', metric)}.png", dpi=DPI)
