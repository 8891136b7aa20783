"""The effects of crossed factors on rows whose truth is known."""

from collections.abc import Sequence

import numpy as np
import pytest
from draws import assert_rate, draws_of

from workbench.comparing.cross import Cross, Factor
from workbench.comparing.value_table import EFFECT, MainEffect, ValueTable
from workbench.stats.sample import Scale
from workbench.stats.verdicts import EQUIVALENT

DRAWS = 2_000
CROSS = Cross(
    [Factor("prompt", ["a", "b"]), Factor("temperature", ["0", "0.7"])],
    {cell: number for number, cell in enumerate(np.ndindex(2, 2))},
)
TEMPERATURE = CROSS.factors[1]


def table(passes: np.ndarray, clusters: Sequence[int] | None = None) -> ValueTable:
    """A table of passes and failures: rows × variants."""
    rows = list(range(len(passes)))
    values = passes.astype(float)
    numbers = clusters or rows
    by_variant = [{row: [float(values[row, n])] for row in rows} for n in range(values.shape[1])]
    return ValueTable(
        by_variant, rows, values, np.array(numbers), numbers, Scale(pass_fail=True), False
    )


def effect_of_temperature(values: ValueTable) -> MainEffect:
    columns = CROSS.columns([TEMPERATURE])
    return values.main_effect(TEMPERATURE, columns, 0.05, columns.shape[1])


def draw(rng: np.random.Generator, rows: int, drop: float) -> np.ndarray:
    """Prompts that pass half of the rows and 0.8; a higher temperature passes fewer."""
    chance = np.array([0.5, 0.5 - drop, 0.8, 0.8 - drop])
    row = rng.random((rows, 1))
    return np.where(rng.random((rows, 4)) < 0.7, row, rng.random((rows, 4))) < chance


def test_columns_are_levels_by_combinations_of_the_others() -> None:
    prompts, temperatures = CROSS.factors
    assert CROSS.columns([prompts]).tolist() == [[0, 1], [2, 3]]
    assert CROSS.columns([temperatures]).tolist() == [[0, 2], [1, 3]]
    assert CROSS.columns([prompts, temperatures]).tolist() == [[[0], [1]], [[2], [3]]]
    without = Cross(CROSS.factors, {k: n for k, n in CROSS.numbers.items() if k != (1, 1)})
    assert without.columns([temperatures]).tolist() == [[0], [1]]
    assert without.columns([prompts, temperatures]).size == 0


def test_a_factor_without_others_is_compared_as_a_pair() -> None:
    """Passes and failures by McNemar's test, as of `workbench compare`."""
    passes = np.array([[1, 0]] * 6 + [[1, 1]] * 10)
    values = table(passes)
    effect = values.main_effect(TEMPERATURE, np.array([[0], [1]]), 0.05, 1)
    assert (effect.difference.test, effect.p) == ("exact McNemar", 0.03125)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [30, 150])
def test_no_effect_seldom_seems_to_matter(rows: int) -> None:
    rng, draws = np.random.default_rng(8), draws_of(DRAWS)
    false = sum(
        effect_of_temperature(table(draw(rng, rows, 0.0))).outcome == EFFECT for _ in range(draws)
    )
    print(f"{rows} rows: {100 * false / draws:.1f}%")
    assert_rate(false, DRAWS, (0.0, 0.055), (0.0, 0.06))


@pytest.mark.slow
def test_a_drop_as_large_as_the_margin_seldom_seems_equivalent() -> None:
    rng, draws = np.random.default_rng(9), draws_of(DRAWS)
    drawn = (effect_of_temperature(table(draw(rng, 150, 0.05))) for _ in range(draws))
    false = sum(effect.p_equivalence <= 0.05 for effect in drawn)
    print(f"{100 * false / draws:.1f}%")
    assert_rate(false, DRAWS, (0.0, 0.06), (0.0, 0.065))


def test_no_effect_is_equivalent_and_a_large_one_matters() -> None:
    rng = np.random.default_rng(10)
    same = [effect_of_temperature(table(draw(rng, 600, 0.0))).outcome for _ in range(50)]
    drops = [effect_of_temperature(table(draw(rng, 150, 0.1))).outcome for _ in range(50)]
    assert same.count(EQUIVALENT) >= 40
    assert drops.count(EFFECT) >= 35
