"""Simulated rows of two variants whose true means are known.

SCENARIOS["tied"] draws marks of 1 to 5; the second variant's mean is higher by the effect.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from workbench.stats.sample import Scale

Values = NDArray[np.float64]


def _passes(rng: Generator, rows: int, effect: float) -> tuple[Values, Values]:
    """Hard rows are hard for both: each passes with the row's own probability."""
    ease = 0.2 + 0.6 * rng.beta(1.5, 1, rows)  # 0.56 on average
    first = rng.random(rows) < ease
    second = rng.random(rows) < ease + effect
    return first.astype(float), second.astype(float)


def _skewed(rng: Generator, rows: int, effect: float) -> tuple[Values, Values]:
    """Seconds, say: a row's own length, and a long tail."""
    length = rng.gamma(2, 0.25, rows)
    first = length + rng.exponential(0.5, rows)
    second = length + rng.exponential(0.5, rows)
    return first, second + effect


def _tied(rng: Generator, rows: int, effect: float) -> tuple[Values, Values]:
    """Marks of 1 to 5, most of them 4 and 5; the second is moved up one with some probability."""
    marks = np.array([1.0, 2.0, 3.0, 4.0])
    shares = [0.05, 0.1, 0.35, 0.5]
    first, second = (rng.choice(marks, rows, p=shares) for _ in range(2))
    same = rng.random(rows) < 0.5
    second = np.where(same, first, second)
    return first, second + (rng.random(rows) < effect)


@dataclass(frozen=True)
class Scenario:
    """A distribution of rows.

    Attributes:
        mean: of the first variant.
    """

    draw: Callable[[Generator, int, float], tuple[Values, Values]]
    scale: Scale
    mean: float


SCENARIOS = {
    "pass or fail": Scenario(_passes, Scale(pass_fail=True), 0.2 + 0.6 * 0.6),
    "skewed": Scenario(_skewed, Scale(), 1.0),
    "tied": Scenario(_tied, Scale(low=1, high=5), 3.3),
}


def by_row(values: Values) -> dict[int, list[float]]:
    """Values by row, as `paired_difference` takes them; a row may have several repeats."""
    return {row: np.atleast_1d(repeats).tolist() for row, repeats in enumerate(values)}
