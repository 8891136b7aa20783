"""One metric's values of all variants on the same rows, and the effects of factors on them.

table = ValueTable.build(family, [0, 1, 2, 3])
table.main_effect(Factor("temperature", ["0", "0.7"]), columns=[[0, 2], [1, 3]], margin=0.05, …)
MainEffect(…, means=[Estimate(0.68, …), Estimate(0.676, …)], p=0.62, p_equivalence=0.003, …)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from workbench.comparing.cross import Columns, Factor
from workbench.comparing.metrics import MetricFamily
from workbench.stats.agreement import ALPHA
from workbench.stats.effects import cells_p, interaction_contrasts, levels_p
from workbench.stats.means import Estimate, estimate_mean
from workbench.stats.pairs import Difference, paired_difference
from workbench.stats.sample import (
    Clusters,
    FloatArray,
    RowValues,
    Scale,
    cluster_numbers,
    row_means,
)
from workbench.stats.verdicts import EQUIVALENT, INCONCLUSIVE

EFFECT = "effect"
MAX_DEVIATIONS = 3  # cells shown of an interaction


@dataclass(frozen=True)
class MainEffect:
    """The effect of a factor on average over the others.

    Attributes:
        means: of each level, over the rows and the combinations of the other factors.
        differences: of each level but the first, from the first.
        combinations, left_out: combinations of the other factors, with all levels and without.
        p: of equal means, adjusted for all effects of the metric; 1 where there is a reason.
        pair: the two levels that differ most, by number.
        difference: theirs.
        p_equivalence: of some levels that differ by the margin or more, adjusted for the factors.
        reason: why there is no verdict; empty: there is one.
    """

    factor: Factor
    means: Sequence[Estimate]
    differences: Sequence[Difference]
    combinations: int
    left_out: int
    p: float
    pair: tuple[int, int]
    difference: Difference
    p_equivalence: float
    reason: str = ""

    @property
    def outcome(self) -> str:
        """`effect`, `equivalent` (all levels, within the margin) or `not enough evidence`."""
        if self.p <= ALPHA:
            return EFFECT
        return EQUIVALENT if self.p_equivalence <= ALPHA else INCONCLUSIVE


@dataclass(frozen=True)
class CellDeviation:
    """A pair of levels whose mean is not the sum of the two main effects.

    Attributes:
        mean: of the cell.
        difference: of the cell from that sum.
    """

    levels: tuple[str, str]
    mean: float
    difference: Difference


@dataclass(frozen=True)
class FactorInteraction:
    """The test that the effect of one factor is the same at all levels of another.

    Attributes:
        p: adjusted for all effects of the metric; 1 where there is a reason.
        deviations: the largest ones, the largest first; of a factor with two levels, those of the
            second.
    """

    factors: tuple[Factor, Factor]
    combinations: int
    left_out: int
    p: float
    deviations: Sequence[CellDeviation]
    reason: str = ""


@dataclass(frozen=True)
class ValueTable:
    """One metric's values of the rows that have a value of every variant.

    Attributes:
        by_variant: values by row.
        values: the means of the rows: rows × variants.
        clusters: of each of the rows.
        all_clusters: of each row of the dataset.
        worst_unknown: answers failed, and the metric has no worst score for them.
    """

    by_variant: Sequence[RowValues]
    rows: Sequence[int]
    values: FloatArray
    clusters: NDArray[np.intp]
    all_clusters: Clusters
    scale: Scale
    worst_unknown: bool

    @classmethod
    def build(cls, family: MetricFamily, variants: Sequence[int]) -> "ValueTable":
        """Collect the values, with the worst score for failed answers where there is one."""
        imputed = [family.imputed(number) for number in variants]
        worst_unknown = any(values is None for values in imputed)
        by_variant = [
            family.scores[number].values if values is None or worst_unknown else values
            for number, values in zip(variants, imputed, strict=True)
        ]
        rows = [r for r in sorted(by_variant[0]) if all(values.get(r) for values in by_variant)]
        clusters = family.plan.clusters(variants)
        return cls(
            by_variant,
            rows,
            np.column_stack([row_means(values, rows) for values in by_variant]),
            cluster_numbers(rows, clusters),
            clusters,
            family.scale,
            worst_unknown,
        )

    def main_effect(
        self, factor: Factor, columns: Columns, margin: float, others: int
    ) -> MainEffect:
        """Test the effect of a factor; p-values are not adjusted."""
        levels, scale = [self._row_values(numbers) for numbers in columns], self.scale
        if columns.shape[1] > 1:  # the mean of several passes and failures is a number
            scale = self._mean_scale
        means = [estimate_mean(values, scale, self.all_clusters) for values in levels]
        pairs = {
            (i, j): self._difference(levels[i], levels[j], scale)
            for i, j in combinations(range(len(levels)), 2)
        }
        widest = max(pairs, key=lambda pair: abs(pairs[pair].mean))
        p = pairs[widest].p
        if len(levels) > 2:
            by_level = self.values[:, columns].mean(axis=2)
            p = levels_p(by_level, self.clusters, self.scale.width)
        reason = next((pair.reason for pair in pairs.values() if pair.reason), "")
        return MainEffect(
            factor=factor,
            means=[mean for mean in means if mean],
            differences=[pairs[0, level] for level in range(1, len(levels))],
            combinations=columns.shape[1],
            left_out=others - columns.shape[1],
            p=1.0 if reason else p,
            pair=widest,
            difference=pairs[widest],
            p_equivalence=max(pair.p_equivalence(margin) for pair in pairs.values()),
            reason=reason,
        )

    def interaction(
        self, factors: tuple[Factor, Factor], columns: Columns, others: int
    ) -> FactorInteraction:
        """Test the interaction of two factors; the p-value is not adjusted."""
        cells = self.values[:, columns].mean(axis=3)
        contrasts = interaction_contrasts(cells)
        scale = self._mean_scale
        deviations = []
        # Of two levels the first deviates as the second does, in the other direction.
        firsts, seconds = (range(size == 2, size) for size in cells.shape[1:])
        for i, j in product(firsts, seconds):
            cell, sums = cells[:, i, j], cells[:, i, j] - contrasts[:, i, j]
            difference = self._difference(self._by_row(sums), self._by_row(cell), scale)
            names = (factors[0].levels[i], factors[1].levels[j])
            deviations.append(CellDeviation(names, float(cell.mean()), difference))
        deviations.sort(key=lambda deviation: -round(abs(deviation.difference.mean), 12))
        reason = next((d.difference.reason for d in deviations if d.difference.reason), "")
        return FactorInteraction(
            factors=factors,
            combinations=columns.shape[2],
            left_out=others - columns.shape[2],
            p=1.0 if reason else cells_p(cells, self.clusters, self.scale.width),
            deviations=deviations[:MAX_DEVIATIONS],
            reason=reason,
        )

    @property
    def _mean_scale(self) -> Scale:
        """The scale of means over several variants."""
        low, high = self.scale.limits or (None, None)
        return replace(self.scale, pass_fail=False, low=low, high=high)

    def _row_values(self, numbers: Columns) -> RowValues:
        """The values of one variant, or the rows' means over several."""
        if len(numbers) == 1:
            values = self.by_variant[numbers[0]]
            return {row: values[row] for row in self.rows}
        return self._by_row(self.values[:, numbers].mean(axis=1))

    def _by_row(self, means: FloatArray) -> RowValues:
        return {row: [float(mean)] for row, mean in zip(self.rows, means, strict=True)}

    def _difference(self, first: RowValues, second: RowValues, scale: Scale) -> Difference:
        difference = paired_difference(first, second, scale, self.all_clusters)
        if difference is None:
            raise ValueError("no rows")
        return difference
