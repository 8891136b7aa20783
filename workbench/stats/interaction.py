"""Test that a difference is the same in several slices of the rows.

>>> before = {row: [0.0] for row in range(40)}
>>> after = {row: [float(row < 16)] for row in range(40)}        # better in the first rows only
>>> interaction_p(before, after, [range(20), range(20, 40)])
0.0005
>>> interaction_p(before, after, [range(0, 40, 2), range(1, 40, 2)])
1.0

The p-value is the greater one of two tests, because each of them errs too often where the other
does not.

    permutation   exact where the differences have the same distribution in every slice
    Welch         for slices whose differences vary more or less
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from workbench.stats.sample import Clusters, FloatArray, RowValues, cluster_numbers, row_means

PERMUTATIONS = 1_999
PERMUTATIONS_PER_BATCH = 200
MAX_P = 0.2  # of Welch's test, beyond which the permutations would change no conclusion
MAX_PERMUTED = 2_000  # clusters, beyond which Welch's test alone is as good and much faster
SEED = 20_260_103
TOLERANCE = 1e-9  # relative: sums of the same numbers in another order


def interaction_p(
    first: RowValues,
    second: RowValues,
    slices: Sequence[Collection[int]],
    clusters: Clusters | None = None,
) -> float | None:
    """P-value of the null hypothesis that the mean difference is the same in all slices.

    `slices` are dataset rows, each row in one slice at most. Rows that lack a value in `first` or
    `second` are left out. A cluster that extends over several slices counts as a cluster in each:
    as its rows are alike, the test errs less often for it. None where fewer than two slices have
    rows.
    """
    units = _units(first, second, slices, clusters)
    if units is None:
        return None
    observed, freedom = units.welch(units.sums[None], units.sizes[None])
    groups = len(units.starts)
    p = float(fdtrc(groups - 1, freedom[0], observed[0]))
    if p > MAX_P or len(units.sums) > MAX_PERMUTED:
        return p
    rng = np.random.default_rng(SEED)
    threshold, extreme, done = observed[0] * (1 - TOLERANCE), 1, 0
    while done < PERMUTATIONS:
        batch = min(PERMUTATIONS_PER_BATCH, PERMUTATIONS - done)
        order = rng.permuted(np.tile(np.arange(len(units.sums)), (batch, 1)), axis=1)
        statistics, _ = units.welch(units.sums[order], units.sizes[order])
        extreme += int(np.count_nonzero(statistics >= threshold))
        done += batch
    return max(p, extreme / (1 + PERMUTATIONS))


@dataclass(frozen=True)
class _Units:
    """Clusters of each slice, slice by slice.

    Attributes:
        sums: of the differences of each cluster's rows, from the mean of all rows.
        sizes: rows of each cluster.
        starts: of each slice, the number of its first cluster.
    """

    sums: FloatArray
    sizes: FloatArray
    starts: Sequence[int]

    def welch(self, sums: FloatArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Welch's F of each line of clusters, and its second degrees of freedom.

        Each slice's variance includes an imagined cluster that deviates as the average one, so
        that a slice without changes does not look certain.

        Welch 1951, https://doi.org/10.1093/biomet/38.3-4.330
        """
        count = len(self.starts)
        clusters = np.diff([*self.starts, sums.shape[1]])
        rows = self._add(sizes)
        means = self._add(sums) / rows
        squares = self._add((sums - sizes * np.repeat(means, clusters, axis=1)) ** 2)
        pooled = float(self.sums @ self.sums) / (len(self.sums) - 1)
        weights = rows**2 / (squares + pooled) if pooled else rows
        shares = weights / weights.sum(axis=1, keepdims=True)
        between = weights * (means - (shares * means).sum(axis=1, keepdims=True)) ** 2
        spread = ((1 - shares) ** 2 / np.maximum(clusters - 1, 1)).sum(axis=1)
        correction = 1 + 2 * (count - 2) / (count**2 - 1) * spread
        return between.sum(axis=1) / (count - 1) / correction, (count**2 - 1) / (3 * spread)

    def _add(self, values: FloatArray) -> FloatArray:
        sums: FloatArray = np.add.reduceat(values, self.starts, axis=1)
        return sums


def _units(
    first: RowValues,
    second: RowValues,
    slices: Sequence[Collection[int]],
    clusters: Clusters | None,
) -> _Units | None:
    shared = [
        rows
        for rows in ([row for row in part if first.get(row) and second.get(row)] for part in slices)
        if rows
    ]
    if len(shared) < 2:
        return None
    before, after = ([row_means(values, rows) for rows in shared] for values in (first, second))
    differences = [b - a for a, b in zip(before, after, strict=True)]
    mean = math.fsum(np.concatenate(differences)) / sum(map(len, shared))
    largest = max(float(np.abs(means).max()) for means in (*before, *after))
    sums: list[FloatArray] = []
    sizes: list[FloatArray] = []
    for rows, of_rows in zip(shared, differences, strict=True):
        deviations = of_rows - mean
        deviations[np.abs(deviations) <= TOLERANCE * largest] = 0.0
        numbers = cluster_numbers(rows, clusters)
        sums.append(np.bincount(numbers, deviations).astype(np.float64))
        sizes.append(np.bincount(numbers).astype(np.float64))
    starts = np.cumsum([0, *map(len, sums)])[:-1].tolist()
    return _Units(np.concatenate(sums), np.concatenate(sizes), starts)
