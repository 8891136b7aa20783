"""The factors that the variants of a plan cross.

    prompt     temperature  variant
    zero_shot  0            0
    zero_shot  0.7          1
    few_shot   0            2

Cross([Factor("prompt", ["zero_shot", "few_shot"]), Factor("temperature", ["0", "0.7"])],
      numbers={(0, 0): 0, (0, 1): 1, (1, 0): 2})
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.canonical import canonical_json
from workbench.plan import Variant

Columns = NDArray[np.intp]  # numbers of variants, by level of each factor


@dataclass(frozen=True, slots=True)
class Factor:
    """The prompt, the model, or a parameter of the grid.

    Attributes:
        levels: two or more, in the order of the experiment file.
    """

    name: str
    levels: Sequence[str]


@dataclass(frozen=True)
class Cross:
    """The factors of some variants, and their combinations.

    Attributes:
        numbers: of each combination of levels, by factor, the number of its variant.
    """

    factors: Sequence[Factor]
    numbers: Mapping[tuple[int, ...], int]

    @classmethod
    def of_variants(cls, variants: Sequence[Variant]) -> "Cross":
        """Find the factors with two levels or more."""
        levels = [_levels(variant) for variant in variants]
        names = list(dict.fromkeys(name for by_name in levels for name in by_name))
        factors: list[Factor] = []
        for name in names:
            distinct = list(dict.fromkeys(by_name.get(name, "") for by_name in levels))
            factors += [Factor(name, distinct)] if len(distinct) > 1 else []
        numbers = {
            tuple(f.levels.index(by_name.get(f.name, "")) for f in factors): number
            for number, by_name in enumerate(levels)
        }
        return cls(factors, numbers)

    def others(self, factors: Sequence[Factor]) -> Sequence[tuple[int, ...]]:
        """Return the combinations of the other factors, in order."""
        axes = [self.factors.index(factor) for factor in factors]
        cells = (
            tuple(level for axis, level in enumerate(cell) if axis not in axes)
            for cell in self.numbers
        )
        return list(dict.fromkeys(cells))

    def columns(self, factors: Sequence[Factor]) -> Columns:
        """Number the variants: an axis for each of these factors, then one for the combinations.

        The last axis is that of the other factors' combinations. Those that lack a level of these
        factors, or a pair of levels, are left out.
        """
        axes = [self.factors.index(factor) for factor in factors]
        others = self.others(factors)
        shape = [len(factor.levels) for factor in factors]
        tables = [
            [self.numbers.get(_cell(axes, levels, other), -1) for levels in np.ndindex(*shape)]
            for other in others
        ]
        complete = [table for table in tables if -1 not in table]
        numbers = np.array(complete, dtype=np.intp).reshape(-1, *shape)
        return np.moveaxis(numbers, 0, -1)


def _levels(variant: Variant) -> dict[str, str]:
    """The levels of a variant by factor."""
    levels = {"prompt": variant.prompt.ref, "model": variant.model.model.label}
    for name, value in variant.point.items():
        factor = f"parameter {name}" if name in levels else name
        levels[factor] = value if isinstance(value, str) else canonical_json(value)
    return levels


def _cell(axes: Sequence[int], levels: Sequence[int], others: Sequence[int]) -> tuple[int, ...]:
    """A combination of levels by factor: these levels on these axes, the others in between."""
    cell = list(others)
    for axis, level in sorted(zip(axes, levels, strict=True)):
        cell.insert(axis, level)
    return tuple(cell)
