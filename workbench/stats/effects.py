"""Tests of main effects and interactions in a cross of factors, with rows as blocks.

>>> rng = np.random.default_rng(1)
>>> levels = rng.random((40, 1)) + np.array([0.0, 0.0, 0.2]) + 0.1 * rng.random((40, 3))
>>> levels_p(levels, np.arange(40), width=2.0)              # 40 rows, a factor with three levels
0.00025
>>> cells = levels[:, :, None] + np.array([0.0, 0.3])       # crossed with a factor of two levels
>>> cells_p(cells, np.arange(40), width=2.0)                # each has the same effect everywhere
1.0

The statistic is the sum of squares of the effects: for pass or fail Cochran's Q. The greatest of
these p-values counts, because each test errs where the others do not.

    levels permuted      exact where the factor changes no answer; main effects only
    signs flipped        of each cluster's contrasts, all at once: exact where these are symmetric,
                         and right in large samples where levels or cells vary more or less
    a cluster added      that contradicts the effect: rare large values may not have been seen
"""

import numpy as np
from numpy.typing import NDArray

from workbench.stats.sample import FloatArray
from workbench.stats.special_functions import chdtrc

PERMUTATIONS = 9_999
MAX_P = 0.2  # of the other tests, beyond which permuted levels would change no conclusion
MAX_PERMUTED = 500  # clusters that differ, beyond which the limits of the tests are as good
NUMBERS_PER_BATCH = 2_000_000
SEED = 20_260_104
TOLERANCE = 1e-9  # relative: sums of the same numbers in another order


def levels_p(levels: FloatArray, clusters: NDArray[np.intp], width: float | None = None) -> float:
    """P-value of the null hypothesis that the mean is the same at all levels of a factor.

    Args:
        levels: of each row, the value at each level: rows × levels.
        clusters: of each row, the number of its cluster, from 0.
        width: how far apart two values of a row can be; None: as far as any two are.
    """
    contrasts = levels - levels.mean(axis=1, keepdims=True)
    sums = _differing(_cluster_sums(contrasts, clusters, np.abs(levels).max()))
    if not len(sums):
        return 1.0
    effects = sums.sum(axis=0)
    opposite = np.where(effects > 0, 0.0, np.ptp(levels, axis=1).max() if width is None else width)
    flipped = _flip_p(sums, (opposite - opposite.mean()) * np.bincount(clusters).max())
    p = max(flipped, _cochran_p(sums))
    return p if p > MAX_P or len(sums) > MAX_PERMUTED else max(flipped, _permutation_p(sums))


def cells_p(cells: FloatArray, clusters: NDArray[np.intp], width: float | None = None) -> float:
    """P-value of the null hypothesis that two factors do not interact.

    `cells` is, of each row, the value at each pair of levels: rows × levels × levels; `clusters`
    and `width` are as in `levels_p`.
    """
    contrasts = interaction_contrasts(cells)
    size = np.abs(cells).max()
    sums = _differing(_cluster_sums(contrasts.reshape(len(cells), -1), clusters, size))
    if not len(sums):
        return 1.0
    flat = cells.reshape(len(cells), -1)
    limit = np.ptp(flat, axis=1).max() if width is None else width
    effects = sums.sum(axis=0).reshape(cells.shape[1:])
    opposite = interaction_contrasts(np.where(effects > 0, 0.0, limit)[None])
    return _flip_p(sums, opposite.ravel() * np.bincount(clusters).max())


def interaction_contrasts(cells: FloatArray) -> FloatArray:
    """Each cell's deviation from the sum of the two main effects, in each row."""
    rows, columns = cells.mean(axis=2, keepdims=True), cells.mean(axis=1, keepdims=True)
    contrasts: FloatArray = cells - rows - columns + cells.mean(axis=(1, 2), keepdims=True)
    return contrasts


def _cluster_sums(contrasts: FloatArray, clusters: NDArray[np.intp], size: float) -> FloatArray:
    """The sum of each cluster's contrasts; 0 where only the last digits differ from 0."""
    sums = np.zeros((int(clusters.max()) + 1, contrasts.shape[1]))
    np.add.at(sums, clusters, contrasts)
    sums[np.abs(sums) <= TOLERANCE * size] = 0.0
    return sums


def _differing(sums: FloatArray) -> FloatArray:
    differing: FloatArray = sums[sums.any(axis=1)]
    return differing


def _permutation_p(sums: FloatArray) -> float:
    """P-value of the sum of squares if the levels are permuted within each cluster.

    Cochran 1950, https://doi.org/10.1093/biomet/37.3-4.256, for any values.
    """
    threshold = _squares(sums.sum(axis=0)) * (1 - TOLERANCE)
    rng = np.random.default_rng(SEED)
    extreme = 1
    for batch in _batches(sums.size):
        permuted = rng.permuted(np.broadcast_to(sums, (batch, *sums.shape)), axis=2)
        extreme += int(np.count_nonzero(_squares(permuted.sum(axis=1)) >= threshold))
    return extreme / (1 + PERMUTATIONS)


def _cochran_p(sums: FloatArray) -> float:
    """The limit of `_permutation_p` for many clusters: chi-squared."""
    freedom = sums.shape[1] - 1
    return float(chdtrc(freedom, freedom * _squares(sums.sum(axis=0)) / float((sums**2).sum())))


def _flip_p(sums: FloatArray, opposite: FloatArray) -> float:
    """P-value of the sum of squares if the signs of each cluster's contrasts are flipped.

    Also with a cluster added that has the opposite contrasts. That test is one-sided, as it is
    against the direction of the effects, and its p-value is halved.

    Liu 1988, https://doi.org/10.1214/aos/1176351062; Cameron, Gelbach and Miller 2008,
    https://doi.org/10.1162/rest.90.3.414 (the wild cluster bootstrap with Rademacher weights).
    """
    samples = (sums, np.vstack([sums, opposite]))
    p, p_unseen = map(_signs_p if len(sums) <= MAX_PERMUTED else _normal_p, samples)
    return max(p, p_unseen / 2)


def _signs_p(sums: FloatArray) -> float:
    threshold = _squares(sums.sum(axis=0)) * (1 - TOLERANCE)
    rng = np.random.default_rng(SEED)
    extreme = 1
    for batch in _batches(len(sums)):
        positive = rng.integers(0, 2, (batch, len(sums)), dtype=np.int8)
        flipped = 2 * (positive @ sums) - sums.sum(axis=0)
        extreme += int(np.count_nonzero(_squares(flipped) >= threshold))
    return extreme / (1 + PERMUTATIONS)


def _normal_p(sums: FloatArray) -> float:
    """The limit of `_signs_p` for many clusters: normal contrasts with the same covariance."""
    variances = np.linalg.eigvalsh(sums.T @ sums)
    normal = np.random.default_rng(SEED).standard_normal((PERMUTATIONS, len(variances)))
    extreme = np.count_nonzero(normal**2 @ variances >= _squares(sums.sum(axis=0)))
    return (1 + int(extreme)) / (1 + PERMUTATIONS)


def _squares(effects: FloatArray) -> FloatArray:
    squares: FloatArray = (effects**2).sum(axis=-1)
    return squares


def _batches(numbers: int) -> list[int]:
    """The sizes of the batches of permutations, each of which needs so many numbers."""
    size = max(1, NUMBERS_PER_BATCH // numbers)
    return [min(size, PERMUTATIONS - start) for start in range(0, PERMUTATIONS, size)]
