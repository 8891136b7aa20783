"""Pass or fail with repeats: the chance that k attempts pass.

>>> pass_at([(3, 5), (5, 5)], 2)    # k=2: at least one of two attempts, averaged over rows
{1: 0.8, 2: 0.95}
>>> pass_all([(3, 5), (5, 5)], 2)   # k=2: both attempts
{1: 0.8, 2: 0.65}

A row is the number of its attempts that passed, and the number of its attempts. Both estimators
are unbiased for attempts drawn without replacement (pass@k: Chen et al. 2021,
https://arxiv.org/abs/2107.03374; pass^k: Yao et al. 2024, https://arxiv.org/abs/2406.12045).
"""

from collections.abc import Callable, Collection
from math import comb, fsum

Attempts = Collection[tuple[int, int]]


def pass_at(rows: Attempts, repeats: int) -> dict[int, float]:
    """The chance that at least one of k attempts passes, by k; a row needs k attempts to count."""
    return _by_k(rows, repeats, lambda passed, n, k: 1 - comb(n - passed, k) / comb(n, k))


def pass_all(rows: Attempts, repeats: int) -> dict[int, float]:
    """The chance that all of k attempts pass, by k; a row needs k attempts to count."""
    return _by_k(rows, repeats, lambda passed, n, k: comb(passed, k) / comb(n, k))


def _by_k(
    rows: Attempts, repeats: int, chance: Callable[[int, int, int], float]
) -> dict[int, float]:
    by_k = {k: [chance(*row, k) for row in rows if row[1] >= k] for k in range(1, repeats + 1)}
    return {k: fsum(chances) / len(chances) for k, chances in by_k.items() if chances}
