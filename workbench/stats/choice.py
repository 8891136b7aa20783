"""Which of several variants to take: those that none beats in everything, and how sure the best is.

front([(0.84, -0.10), (0.84, -0.30), (0.90, -0.40)])     [True, False, True]
best_chances([{0: [1.0], 1: [0.0]}, {0: [1.0], 1: [1.0]}], higher_is_better=True)   [0.13, 0.87]
"""

from collections.abc import Mapping, Sequence

import numpy as np

DRAWS = 4_000
SEED = 20_260_102
AT_ONCE = 200  # draws


def front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Whether each is on the Pareto front: no other is as good in everything and better in one.

    Args:
        points: as many numbers each; more is better in all of them.
    """
    return [
        not any(
            all(theirs >= own for theirs, own in zip(other, point, strict=True))
            and any(theirs > own for theirs, own in zip(other, point, strict=True))
            for other in points
        )
        for point in points
    ]


def best_chances(
    variants: Sequence[Mapping[int, Sequence[float]]], *, higher_is_better: bool
) -> list[float]:
    """In what share of bootstrap samples of the rows each variant has the best mean.

    All have the same rows drawn; a mean is over those of them that the variant has a value of.
    A tie counts for each in part.

    Args:
        variants: the values of each, by row.
        higher_is_better: else lower is.
    """
    seen = list(dict.fromkeys(row for own in variants for row in own))
    rows = len(seen)
    if not rows:
        return [0.0] * len(variants)
    sign = 1.0 if higher_is_better else -1.0
    there = np.array([[float(bool(own.get(row))) for own in variants] for row in seen])
    means = np.array([[sign * _mean(own.get(row, ())) for own in variants] for row in seen])
    chance = np.random.default_rng(SEED)
    won = np.zeros(len(variants))
    for _ in range(DRAWS // AT_ONCE):
        times = chance.multinomial(rows, [1 / rows] * rows, AT_ONCE)
        counted = times @ there
        drawn = np.where(counted, times @ means / np.maximum(counted, 1), -np.inf)
        best = drawn >= drawn.max(axis=1, keepdims=True) - 1e-12
        won += (best / best.sum(axis=1, keepdims=True)).sum(axis=0)
    return [float(share) for share in won / DRAWS]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
