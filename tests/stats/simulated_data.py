"""Simulated rows of two variants whose true means are known.

SCENARIOS["tied"] draws marks of 1 to 5; the second variant's mean is higher by the effect.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtri

from workbench.stats.sample import Scale

Values = NDArray[np.float64]
Rows = dict[int, list[float]]


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
        mean, median: of the first variant.
    """

    draw: Callable[[Generator, int, float], tuple[Values, Values]]
    scale: Scale
    mean: float
    median: float = 0.0


SCENARIOS = {
    "pass or fail": Scenario(_passes, Scale(pass_fail=True), 0.2 + 0.6 * 0.6),
    "skewed": Scenario(_skewed, Scale(), 1.0, median=0.8733655),
    "tied": Scenario(_tied, Scale(low=1, high=5), 3.3),
}


def by_row(values: Values) -> dict[int, list[float]]:
    """Values by row, as `paired_difference` takes them; a row may have several repeats."""
    return {row: np.atleast_1d(repeats).tolist() for row, repeats in enumerate(values)}


@dataclass(frozen=True)
class MeanDistribution:
    """Rows whose mean is known.

    Attributes:
        draw: rows, as an array with a line per row.
        clusters: of so many rows; None: each is its own.
        median: of the rows' means.
    """

    draw: Callable[[Generator, int], Values]
    scale: Scale
    mean: float
    clusters: Callable[[int], list[int]] | None = None
    median: float = 0.0


def _repeats(icc: float, share: float = 0.95) -> Callable[[Generator, int], Values]:
    """Twenty repeats of each row, which agree by the intraclass correlation."""
    spread = (1 - icc) / icc

    def draw(rng: Generator, rows: int) -> Values:
        ease = rng.beta(share * spread, (1 - share) * spread, rows)
        return (rng.random((rows, 20)) < ease[:, None]).astype(float)

    return draw


def _grouped(sizes: Callable[[int], list[int]]) -> Callable[[Generator, int], Values]:
    """Passes that mostly agree within a group of rows: one passage, say, with several questions."""

    def draw(rng: Generator, rows: int) -> Values:
        numbers = np.array(sizes(rows))
        ease = rng.beta(0.7 / 4, 0.3 / 4, numbers.max() + 1)
        return (rng.random(rows) < ease[numbers]).astype(float)

    return draw


def copies(rows: int) -> list[int]:
    """Ten rows in each group."""
    return [row // 10 for row in range(rows)]


def unequal(rows: int) -> list[int]:
    """Groups of 1 to 15 rows: 1, 3, 5, ..., 15, 1, 3, ..."""
    clusters = [group for group in range(rows) for _ in range(1 + 2 * (group % 8))]
    return clusters[:rows]


MARKS, SHARES = Scale(low=1, high=5), Scale(low=0, high=1)
MEAN_DISTRIBUTIONS = {
    "98% at 1.0": MeanDistribution(
        lambda rng, n: (rng.random(n) < 0.98).astype(float), SHARES, 0.98
    ),
    "85% fives": MeanDistribution(
        lambda rng, n: rng.choice([1.0, 2, 3, 4, 5], n, p=[0.0375] * 4 + [0.85]), MARKS, 4.625
    ),
    "noise, rare zeros": MeanDistribution(
        lambda rng, n: np.where(rng.random(n) < 0.98, rng.uniform(0.98, 1, n), 0.0), SHARES, 0.9702
    ),
    "repeats, ICC 0.5": MeanDistribution(_repeats(0.5), Scale(pass_fail=True), 0.95),
    "repeats, ICC 0.8": MeanDistribution(_repeats(0.8), Scale(pass_fail=True), 0.95),
    "groups of ten": MeanDistribution(_grouped(copies), Scale(pass_fail=True), 0.7, copies),
    "unequal groups": MeanDistribution(_grouped(unequal), Scale(pass_fail=True), 0.7, unequal),
}


def _grouped_normal(sizes: Callable[[int], list[int]]) -> Callable[[Generator, int], Values]:
    """Standard normal values with an intraclass correlation of 0.5 within a group of rows."""

    def draw(rng: Generator, rows: int) -> Values:
        numbers = np.array(sizes(rows))
        return (rng.normal(0, 1, numbers.max() + 1)[numbers] + rng.normal(0, 1, rows)) / np.sqrt(2)

    return draw


def _grouped_costs(sizes: Callable[[int], list[int]]) -> MeanDistribution:
    draw = _grouped_normal(sizes)
    return MeanDistribution(
        lambda rng, n: np.exp(draw(rng, n)), Scale(), np.exp(0.5), clusters=sizes, median=1.0
    )


def _unranged(
    draw: Callable[[Generator, int], Values], mean: float, median: float
) -> MeanDistribution:
    return MeanDistribution(draw, Scale(), mean, median=median)


def _repeated_costs(rng: Generator, rows: int) -> Values:
    """Four repeats around each row's own mean."""
    costs = rng.lognormal(0, 1, rows)[:, None]
    noise = rng.uniform(0, 0.5, (rows, 2))
    return costs * np.hstack([1 + noise, 1 - noise])


UNRANGED_DISTRIBUTIONS = {
    "normal": _unranged(lambda rng, n: rng.normal(5, 1, n), 5.0, 5.0),
    "exponential": _unranged(lambda rng, n: rng.exponential(1, n), 1.0, np.log(2)),
    "log-normal, sigma 1": _unranged(lambda rng, n: rng.lognormal(0, 1, n), np.exp(0.5), 1.0),
    "log-normal, sigma 1.5": _unranged(lambda rng, n: rng.lognormal(0, 1.5, n), np.exp(1.125), 1.0),
    "t, 3 degrees": _unranged(lambda rng, n: rng.standard_t(3, n), 0.0, 0.0),
    "1% time out": _unranged(
        lambda rng, n: np.where(rng.random(n) < 0.01, 60, 1 + rng.normal(0, 0.1, n)),
        0.99 + 0.6,
        1 + 0.1 * float(ndtri(0.5 / 0.99)),
    ),
    "1% lose 60": _unranged(
        lambda rng, n: np.where(rng.random(n) < 0.01, -60, 1 + rng.normal(0, 0.1, n)),
        0.99 - 0.6,
        1 + 0.1 * float(ndtri(0.49 / 0.99)),
    ),
    "a cost, 95% zeros": _unranged(
        lambda rng, n: np.where(rng.random(n) < 0.05, rng.lognormal(0, 1, n), 0.0),
        0.05 * np.exp(0.5),
        0.0,
    ),
    "a cost, 40% zeros": _unranged(
        lambda rng, n: np.where(rng.random(n) < 0.6, rng.lognormal(0, 1, n), 0.0),
        0.6 * np.exp(0.5),
        float(np.exp(ndtri(0.1 / 0.6))),
    ),
    "counts": _unranged(lambda rng, n: rng.poisson(0.7, n).astype(float), 0.7, 1.0),
    "four repeats": _unranged(_repeated_costs, np.exp(0.5), 1.0),
    "groups of ten, ICC 0.5": _grouped_costs(copies),
    "groups of 1 to 15, ICC 0.5": _grouped_costs(unequal),
}


@dataclass(frozen=True)
class PairDistribution:
    """Rows of two variants whose mean difference is known.

    Attributes:
        draw: values of both, with a line per row.
        median: of the differences.
    """

    draw: Callable[[Generator, int], tuple[Values, Values]]
    scale: Scale
    difference: float = 0.0
    clusters: Callable[[int], list[int]] | None = None
    median: float = 0.0


def _change(draw: Callable[[Generator, int], Values], start: float = 3.5) -> Callable[..., object]:
    """The second variant's values are the first's with a change."""

    def draw_both(rng: Generator, rows: int) -> tuple[Values, Values]:
        return np.full(rows, start), start + draw(rng, rows)

    return draw_both


def _rare(rate: float, drop: float, else_: float, noise: float = 0.0) -> Callable[..., object]:
    """A rare large drop, and else a small change."""
    return _change(
        lambda rng, n: np.where(rng.random(n) < rate, -drop, else_ + rng.normal(0, 1, n) * noise)
    )


def _repeated_drop(rng: Generator, rows: int) -> tuple[Values, Values]:
    """Ten repeats each; the second variant never passes one row of twenty."""
    ease = rng.beta(6, 0.3, rows)
    lost = np.where(rng.random(rows) < 0.05, 0.0, ease)
    return tuple((rng.random((rows, 10)) < p[:, None]).astype(float) for p in (ease, lost))


def _equal_groups(rng: Generator, rows: int) -> tuple[Values, Values]:
    """The same answer to ten equal rows."""
    ease = rng.beta(1.5, 1, rows // 10)
    return tuple(np.repeat(rng.random(rows // 10) < ease, 10).astype(float) for _ in range(2))


PAIR_DISTRIBUTIONS = {
    "2% lose 2.5 marks": PairDistribution(_rare(0.02, 2.5, 0.0), MARKS, -0.05),
    "the same, with noise": PairDistribution(_rare(0.02, 2.5, 0.0, 0.001), MARKS, -0.05),
    "a judge: 2% lose 2.5": PairDistribution(_rare(0.02, 2.5, 0.05 / 0.98), MARKS),
    "a judge: 10% lose 2": PairDistribution(_rare(0.1, 2, 0.2 / 0.9, 0.2), MARKS),
    "repeats, 5% lost": PairDistribution(_repeated_drop, Scale(pass_fail=True), -0.05 * 6 / 6.3),
    "groups of ten": PairDistribution(_equal_groups, Scale(pass_fail=True), 0.0, copies),
    "cost, exponential": PairDistribution(
        _change(lambda rng, n: rng.exponential(1, n) - 1), Scale(), median=np.log(2) - 1
    ),
    "cost, log-normal": PairDistribution(
        _change(lambda rng, n: np.exp(rng.normal(0, 1, n)) - np.exp(0.5)),
        Scale(),
        median=1 - np.exp(0.5),
    ),
    "cost, log-normal, sigma 1.5": PairDistribution(
        _change(lambda rng, n: np.exp(rng.normal(0, 1.5, n)) - np.exp(1.125)),
        Scale(),
        median=1 - np.exp(1.125),
    ),
    "1% time out": PairDistribution(
        _rare(0.01, -60, -0.6 / 0.99, 1.0), Scale(), median=float(ndtri(0.5 / 0.99)) - 0.6 / 0.99
    ),
    "2% time out": PairDistribution(
        _rare(0.02, -30, -0.6 / 0.98, 1.0), Scale(), median=float(ndtri(0.5 / 0.98)) - 0.6 / 0.98
    ),
    "groups of ten, heavy tails": PairDistribution(
        _change(lambda rng, n: np.exp(_grouped_normal(copies)(rng, n)) - np.exp(0.5)),
        Scale(),
        clusters=copies,
        median=1 - np.exp(0.5),
    ),
}
