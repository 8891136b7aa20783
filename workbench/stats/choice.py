"""The Pareto front of several variants, and the probability that each is the best.

>>> pareto_front([(0.84, -0.10), (0.84, -0.30), (0.90, -0.40)])
[True, False, True]
>>> best_probabilities([{0: [1.0]}, {0: [1.0]}], higher_is_better=True)
[0.5, 0.5]
"""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

BOOTSTRAP_SAMPLES = 4_000
SAMPLES_PER_BATCH = 200
SEED = 20_260_102


def pareto_front(points: Sequence[Sequence[float]]) -> list[bool]:
    """True for each point that no other point dominates: as good in all, better in one.

    More is better in every coordinate.
    """
    return [
        not any(
            all(theirs >= ours for theirs, ours in zip(other, point, strict=True))
            and any(theirs > ours for theirs, ours in zip(other, point, strict=True))
            for other in points
        )
        for point in points
    ]


def best_probabilities(
    variants: Sequence[Mapping[int, Sequence[float]]], *, higher_is_better: bool
) -> list[float]:
    """Share of bootstrap samples of the rows in which each variant has the best mean.

    All variants get the same resampled rows; a mean is over those rows that the variant has a
    value of. A tie counts for each of its variants in part.
    """
    row_ids = list(dict.fromkeys(row for values in variants for row in values))
    rows = len(row_ids)
    if not rows:
        return [0.0] * len(variants)
    sign = 1.0 if higher_is_better else -1.0
    present = np.array([[float(bool(v.get(row))) for v in variants] for row in row_ids])
    means = np.array([[sign * fmean(v.get(row) or [0.0]) for v in variants] for row in row_ids])
    rng = np.random.default_rng(SEED)
    wins = np.zeros(len(variants))
    for _ in range(BOOTSTRAP_SAMPLES // SAMPLES_PER_BATCH):
        weights = rng.multinomial(rows, [1 / rows] * rows, SAMPLES_PER_BATCH)
        counts = weights @ present
        sample_means = np.where(counts, weights @ means / np.maximum(counts, 1), -np.inf)
        best = sample_means >= sample_means.max(axis=1, keepdims=True) - 1e-12
        wins += (best / best.sum(axis=1, keepdims=True)).sum(axis=0)
    return [float(share) for share in wins / BOOTSTRAP_SAMPLES]
