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

    Rows that some variant has no value of are left out; a tie counts for each in part.

    Args:
        variants: the values of each, by row.
        higher_is_better: else lower is.
    """
    shared = [row for row in variants[0] if all(own.get(row) for own in variants)]
    if not shared:
        return [0.0] * len(variants)
    sign = 1.0 if higher_is_better else -1.0
    means = np.array([[sign * sum(own[row]) / len(own[row]) for own in variants] for row in shared])
    chance = np.random.default_rng(SEED)
    won = np.zeros(len(variants))
    rows = len(shared)
    for _ in range(DRAWS // AT_ONCE):
        times = chance.multinomial(rows, [1 / rows] * rows, AT_ONCE)
        drawn = times @ means / rows
        best = drawn >= drawn.max(axis=1, keepdims=True) - 1e-12
        won += (best / best.sum(axis=1, keepdims=True)).sum(axis=0)
    return [float(share) for share in won / DRAWS]
