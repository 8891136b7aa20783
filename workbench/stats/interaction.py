"""Test that a difference is the same in several slices of the rows.

>>> before = {row: [0.0] for row in range(40)}
>>> after = {row: [float(row < 16)] for row in range(40)}        # better in the first rows only
>>> interaction_p(before, after, [range(20), range(20, 40)])
0.0005
>>> interaction_p(before, after, [range(0, 40, 2), range(1, 40, 2)])
1.0

Where every cluster is in one slice, the p-value is the greater one of two tests, because each of
them errs too often where the other does not:

    permutation   exact where the differences have the same distribution in every slice
    Welch         for slices whose differences vary more or less

Where clusters extend over slices, as with questions of several kinds on each text, it is that of
Wald's test with cluster-robust covariances.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.stats.sample import Clusters, FloatArray, RowValues, cluster_numbers, row_means
from workbench.stats.special_functions import fdtrc

PERMUTATIONS = 1_999
PERMUTATIONS_PER_BATCH = 200
SEEN_ROWS = 150  # in which a change that one row of fifty has is seen in 95% of samples
MAX_P = 0.2  # of Welch's test, beyond which the permutations would change no conclusion
MAX_PERMUTED = 2_000  # clusters, beyond which Welch's test alone is as good and much faster
MAX_CROSSED_SLICES = 100  # the covariances of more take too much memory
SEED = 20_260_103
TOLERANCE = 1e-9  # relative: sums of the same numbers in another order


def interaction_p(
    first: RowValues,
    second: RowValues,
    slices: Sequence[Collection[int]],
    clusters: Clusters | None = None,
    *,
    width: float = 0.0,
) -> float | None:
    """P-value of the null hypothesis that the mean difference is the same in all slices.

    `slices` are dataset rows, each row in one slice at most. Rows that lack a value in `first` or
    `second` are left out. None where fewer than two slices have rows, or where clusters extend over
    more than 100 slices. `width` is the most by which a row can differ, if that is known: a slice
    that has seen no such row does not look certain.
    """
    parts = ([row for row in part if first.get(row) and second.get(row)] for part in slices)
    shared = [rows for rows in parts if rows]
    if len(shared) < 2:
        return None
    rows = [row for part in shared for row in part]
    before, after = row_means(first, rows), row_means(second, rows)
    differences = after - before
    deviations = differences - differences.mean()
    largest = max(np.abs(before).max(), np.abs(after).max())
    deviations[np.abs(deviations) <= TOLERANCE * largest] = 0.0
    labels = np.repeat(np.arange(len(shared)), [len(part) for part in shared])
    sample = _Sample(deviations, labels, cluster_numbers(rows, clusters))
    if not deviations.any():
        return 1.0
    test = _wald_p if sample.is_crossed else _welch_p
    return test(sample, width)


@dataclass(frozen=True)
class _Sample:
    """Rows, slice by slice.

    Attributes:
        deviations: of each row's difference from the mean of all rows.
        slices, clusters: of each row, the number of its slice and of its cluster.
    """

    deviations: FloatArray
    slices: NDArray[np.intp]
    clusters: NDArray[np.intp]

    def units(self) -> tuple[FloatArray, FloatArray, NDArray[np.intp]]:
        """Sum of deviations, number of rows, and slice of each cluster's part in a slice."""
        keys = self.slices * (self.clusters.max() + 1) + self.clusters
        _, first_rows, numbers = np.unique(keys, return_index=True, return_inverse=True)
        sums = np.bincount(numbers, self.deviations).astype(np.float64)
        return sums, np.bincount(numbers).astype(np.float64), self.slices[first_rows]

    @property
    def is_crossed(self) -> bool:
        """True if a cluster has rows in several slices."""
        return len(self.units()[0]) > len(np.unique(self.clusters))


def _welch_p(sample: _Sample, width: float) -> float:
    sums, sizes, slices = sample.units()
    unseen = max(float(np.abs(sums).max()), width * float(sizes.max())) ** 2
    starts = np.flatnonzero(np.diff(slices, prepend=-1))
    observed, freedom = _welch(sums[None], sizes[None], starts, unseen)
    p = float(fdtrc(len(starts) - 1, freedom[0], observed[0]))
    if p > MAX_P or len(sums) > MAX_PERMUTED:
        return p
    rng = np.random.default_rng(SEED)
    threshold, extreme, done = observed[0] * (1 - TOLERANCE), 1, 0
    while done < PERMUTATIONS:
        batch = min(PERMUTATIONS_PER_BATCH, PERMUTATIONS - done)
        order = rng.permuted(np.tile(np.arange(len(sums)), (batch, 1)), axis=1)
        statistics, _ = _welch(sums[order], sizes[order], starts, unseen)
        extreme += int(np.count_nonzero(statistics >= threshold))
        done += batch
    return max(p, extreme / (1 + PERMUTATIONS))


def _welch(
    sums: FloatArray, sizes: FloatArray, starts: NDArray[np.intp], unseen: float
) -> tuple[FloatArray, FloatArray]:
    """Welch's F of each line of clusters, and its second degrees of freedom.

    Each slice's variance includes an imagined cluster that deviates as much as any can, or as the
    one that deviates most (its square: `unseen`), so that a slice without large changes does not
    look certain. It deviates less in a slice so large that it is likely to have been seen.
    """
    clusters = np.diff([*starts, sums.shape[1]])
    rows = np.add.reduceat(sizes, starts, axis=1)
    means = np.add.reduceat(sums, starts, axis=1) / rows
    residuals = sums - sizes * np.repeat(means, clusters, axis=1)
    imagined = unseen * np.minimum(1.0, SEEN_ROWS / clusters) ** 2
    weights = rows**2 / (np.add.reduceat(residuals**2, starts, axis=1) + imagined)
    shares = weights / weights.sum(axis=1, keepdims=True)
    between = weights * (means - (shares * means).sum(axis=1, keepdims=True)) ** 2
    return _f_statistic(between.sum(axis=1), shares, clusters)


def _f_statistic(
    statistics: FloatArray, shares: FloatArray, clusters: NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    """F of each sum of weighted squares, and its second degrees of freedom.

    Welch 1951, https://doi.org/10.1093/biomet/38.3-4.330. `shares` are of the slices' weights.
    """
    slices = len(clusters)
    spread = ((1 - shares) ** 2 / np.maximum(clusters - 1, 1)).sum(axis=1)
    correction = 1 + 2 * (slices - 2) / (slices**2 - 1) * spread
    return statistics / (slices - 1) / correction, (slices**2 - 1) / (3 * spread)


def _wald_p(sample: _Sample, width: float) -> float | None:
    """Wald's test of the slices' means, with an imagined cluster in each slice.

    It deviates as much as a row can, or where that is unknown as the average cluster.

    Covariances by cluster: Liang & Zeger 1986, https://doi.org/10.1093/biomet/73.1.13. The p-value
    is the greater one of Hotelling's (1931, https://doi.org/10.1214/aoms/1177732979), for clusters
    in all slices, and Welch's, for slices with few clusters.
    """
    rows = np.bincount(sample.slices)
    slices, clusters = len(rows), int(sample.clusters.max()) + 1
    freedom = clusters - slices + 1
    if slices > MAX_CROSSED_SLICES:
        return None
    if freedom < 1:
        return 1.0
    means = np.bincount(sample.slices, sample.deviations) / rows
    residuals = sample.deviations - means[sample.slices]
    cells = sample.clusters * slices + sample.slices
    table = np.bincount(cells, residuals, clusters * slices).reshape(clusters, slices) / rows
    sums, _, unit_slices = sample.units()
    unseen = max(float(sums @ sums) / (len(sums) - 1), width**2)
    covariance = clusters / (clusters - 1) * table.T @ table + np.diag(unseen / rows**2)
    contrasts = np.hstack([np.eye(slices - 1), -np.ones((slices - 1, 1))])
    gaps = contrasts @ means
    statistic = float(gaps @ np.linalg.solve(contrasts @ covariance @ contrasts.T, gaps))
    scale = freedom / ((clusters - 1) * (slices - 1))
    weights = 1 / np.diag(covariance)[None]
    welch, welch_freedom = _f_statistic(
        np.array([statistic]), weights / weights.sum(), np.bincount(unit_slices)
    )
    p_welch = float(fdtrc(slices - 1, welch_freedom[0], welch[0]))
    return max(float(fdtrc(slices - 1, freedom, statistic * scale)), p_welch)
