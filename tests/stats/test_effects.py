"""The tests of main effects and interactions in a cross."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from draws import assert_rate, draws_of
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.contingency_tables import cochrans_q

from workbench.stats.effects import cells_p, levels_p

DRAWS = 2_000
Distribution = Callable[[np.random.Generator], np.ndarray]


def p_of(values: np.ndarray, width: float | None = None, copies: int = 1) -> float:
    """P-value of these levels, or cells, each row a cluster of so many equal rows."""
    clusters = np.repeat(np.arange(len(values)), copies)
    test = levels_p if values.ndim == 2 else cells_p
    return test(np.repeat(values, copies, axis=0), clusters, width)


def passes(rng: np.random.Generator, rows: int, shape: tuple[int, ...], gain: object) -> np.ndarray:
    """Pass or fail: a row's difficulty is shared by its cells, `gain` is added in logits."""
    difficulty = rng.normal(1.0, 1.5, rows).reshape(-1, *[1] * len(shape))
    chance = 1 / (1 + np.exp(-difficulty - np.asarray(gain)))
    return (rng.random((rows, *shape)) < chance).astype(float)


@pytest.mark.parametrize("rows", [60, 700], ids=["permuted", "the limit"])
def test_pass_or_fail_agrees_with_cochrans_q(rows):
    values = passes(np.random.default_rng(2), rows, (3,), [0.0, 0.5 if rows < 100 else 0.2, 0.0])
    expected = cochrans_q(values).pvalue
    assert 0.005 < expected < 0.1
    assert p_of(values, 1.0) == pytest.approx(expected, abs=0.02)


def long_table(cells: np.ndarray) -> pd.DataFrame:
    """A line per row and cell, as statsmodels takes it."""
    rows, first, second = (numbers.ravel() for numbers in np.indices(cells.shape))
    return pd.DataFrame({"row": rows, "first": first, "second": second, "value": cells.ravel()})


def test_numbers_agree_with_a_repeated_measures_anova():
    rng = np.random.default_rng(5)
    cells = rng.normal(0, 1, (200, 1, 1)) + rng.normal(0, 1, (200, 3, 2))
    cells[:, 1, 0] += 0.2
    table = AnovaRM(long_table(cells), "value", "row", ["first", "second"]).fit().anova_table
    expected = table["Pr > F"]
    assert p_of(cells.mean(axis=2)) == pytest.approx(expected["first"], abs=0.02)
    assert p_of(cells) == pytest.approx(expected["first:second"], abs=0.02)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.tile([[1.0], [0.0]], (10, 3)), 1.0),
        (np.tile([0.1, 0.1 + 1e-16, 0.1], (20, 1)), 1.0),
        (np.tile([[0.1, 0.2], [0.4, 0.5]], (20, 1, 1)), 1.0),
        (np.eye(3)[[0, 1, 2]], 1.0),
    ],
    ids=["no effect", "last digits", "no interaction", "in balance"],
)
def test_rows_without_an_effect(values, expected):
    assert p_of(values, 1.0) == expected


def test_a_clear_effect_is_found_and_few_rows_are_no_evidence():
    assert p_of(np.tile([0.0, 0.0, 1.0], (40, 1)), 1.0) < 0.001
    assert p_of(np.tile([[0.0, 0.0], [0.0, 1.0]], (40, 1, 1)), 1.0) < 0.001
    assert p_of(np.tile([0.0, 0.0, 1.0], (3, 1)), 1.0) > 0.05


@pytest.mark.parametrize("shape", [(3,), (3, 2)], ids=["levels", "cells"])
def test_copies_of_rows_add_no_evidence(shape):
    gain = np.zeros(shape)
    gain[0] = 0.8
    values = passes(np.random.default_rng(11), 60, shape, gain)
    assert p_of(values, 1.0, copies=10) == pytest.approx(p_of(values, 1.0), abs=0.02)


def unequal(rng: np.random.Generator) -> np.ndarray:
    """One prompt passes other rows than the rest, and as many."""
    values = np.repeat((rng.random(50) < 0.8)[:, None], 4, axis=1).astype(float)
    values[:, 0] = rng.random(50) < 0.8
    return values


def rare_drops(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Marks of 1 to 5: one cell is better by 0.05, and in 2% of rows worse by 2.5."""
    values = 4 + rng.normal(0, 0.1, (50, *shape))
    first = (slice(None), *[0] * len(shape))
    values[first] += 0.05 - 2.5 * (rng.random(50) < 0.02)
    return values


MAIN = np.array([[0.0], [1.0], [2.0]]) + np.array([0.0, 1.0])  # main effects without interaction
SIZES: dict[str, tuple[float, Distribution]] = {
    "levels, 20 rows": (1.0, lambda rng: passes(rng, 20, (3,), 0.0)),
    "levels, 150 rows": (1.0, lambda rng: passes(rng, 150, (4,), 0.0)),
    "levels, few fail": (1.0, lambda rng: passes(rng, 50, (3,), 2.5)),
    "levels that vary unequally": (1.0, unequal),
    "levels, rare drops": (4.0, lambda rng: rare_drops(rng, (3,))),
    "cells, main effects of marks": (
        6.0,
        lambda rng: MAIN + rng.normal(0, 1, (30, 1, 1)) + rng.exponential(1, (30, 3, 2)),
    ),
    "cells, one main effect": (1.0, lambda rng: passes(rng, 50, (2, 3), [[0.0], [1.0]])),
    "cells, 150 rows": (1.0, lambda rng: passes(rng, 150, (3, 3), np.zeros((3, 3)))),
    "cells, rare drops": (4.0, lambda rng: rare_drops(rng, (2, 2))),
}


@pytest.mark.slow
@pytest.mark.parametrize("distribution", SIZES)
def test_nothing_seldom_seems_an_effect(distribution):
    rng = np.random.default_rng(6)
    width, draw = SIZES[distribution]
    false = sum(p_of(draw(rng), width) <= 0.05 for _ in range(draws_of(DRAWS)))
    print(f"{distribution}: {100 * false / draws_of(DRAWS):.1f}%")
    assert_rate(false, DRAWS, (0.0, 0.055), (0.0, 0.06))


POWER: dict[str, Distribution] = {
    "levels, 50 rows": lambda rng: passes(rng, 50, (3,), [0.0, 0.0, 1.5]),
    "levels, 150 rows": lambda rng: passes(rng, 150, (3,), [0.0, 0.0, 0.9]),
    "cells, 150 rows": lambda rng: passes(rng, 150, (2, 2), [[0.0, 0.0], [0.0, 1.8]]),
    "cells, 300 rows": lambda rng: passes(rng, 300, (3, 2), [[0, 0], [0, 0], [0, 1.5]]),
}


@pytest.mark.slow
@pytest.mark.parametrize("distribution", POWER)
def test_an_effect_is_found(distribution):
    rng = np.random.default_rng(7)
    draws = draws_of(DRAWS) // 4
    hits = sum(p_of(POWER[distribution](rng), 1.0) <= 0.05 for _ in range(draws))
    print(f"{distribution}: {100 * hits / draws:.1f}%")
    assert hits >= 0.6 * draws
