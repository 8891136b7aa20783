"""Pass or fail with repeats: the chance that k attempts pass.

>>> round(pass_at([(3, 5), (5, 5)], 2), 3)    # at least one of two attempts, averaged over rows
0.95
>>> round(pass_all([(3, 5), (5, 5)], 2), 3)   # both attempts
0.65

A row is the number of its attempts that passed, and the number of its attempts. Both estimators
are unbiased for attempts drawn without replacement (pass@k: Chen et al. 2021,
https://arxiv.org/abs/2107.03374; pass^k: Yao et al. 2024, https://arxiv.org/abs/2406.12045).
"""

from collections.abc import Sequence
from math import comb, fsum

Attempts = Sequence[tuple[int, int]]


def pass_at(rows: Attempts, k: int) -> float | None:
    """The chance that at least one of k attempts passes; None where no row has k attempts."""
    return _mean([1 - comb(n - passed, k) / comb(n, k) for passed, n in rows if n >= k])


def pass_all(rows: Attempts, k: int) -> float | None:
    """The chance that all of k attempts pass; None where no row has k attempts."""
    return _mean([comb(passed, k) / comb(n, k) for passed, n in rows if n >= k])


def _mean(shares: Sequence[float]) -> float | None:
    return fsum(shares) / len(shares) if shares else None
