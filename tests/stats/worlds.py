"""Rows as they come from a world whose truth is known, two variants at a time.

WORLDS["tied"].draw(chance, 50, effect=0.1)   ->  two arrays of 50 values; the means differ by 0.1
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.stats.pairs import Scale

Values = NDArray[np.float64]
Chance = np.random.Generator


def _passes(chance: Chance, rows: int, effect: float) -> tuple[Values, Values]:
    """Hard rows are hard for both: each passes with the row's own probability."""
    ease = 0.2 + 0.6 * chance.beta(1.5, 1, rows)  # 0.56 on average
    first = chance.random(rows) < ease
    second = chance.random(rows) < ease + effect
    return first.astype(float), second.astype(float)


def _skewed(chance: Chance, rows: int, effect: float) -> tuple[Values, Values]:
    """Seconds, say: a row's own length, and a long tail."""
    length = chance.gamma(2, 0.25, rows)
    first = length + chance.exponential(0.5, rows)
    second = length + chance.exponential(0.5, rows)
    return first, second + effect


def _tied(chance: Chance, rows: int, effect: float) -> tuple[Values, Values]:
    """Marks of 1 to 5, most of them 4 and 5; the second is moved up one with some probability."""
    marks = np.array([1.0, 2.0, 3.0, 4.0])
    shares = [0.05, 0.1, 0.35, 0.5]
    first, second = (chance.choice(marks, rows, p=shares) for _ in range(2))
    same = chance.random(rows) < 0.5
    second = np.where(same, first, second)
    return first, second + (chance.random(rows) < effect)


@dataclass(frozen=True)
class World:
    """Attributes:

    mean: of the first variant.
    """

    draw: Callable[[Chance, int, float], tuple[Values, Values]]
    scale: Scale
    mean: float


WORLDS = {
    "pass or fail": World(_passes, Scale(pass_fail=True), 0.2 + 0.6 * 0.6),
    "skewed": World(_skewed, Scale(), 1.0),
    "tied": World(_tied, Scale(low=1, high=5), 3.3),
}


def by_row(values: Values) -> dict[int, list[float]]:
    """As `difference` takes them; a row of `values` may be several repeats."""
    return {row: np.atleast_1d(own).tolist() for row, own in enumerate(values)}
