"""Pass or fail, asked several times: what k tries come to.

pass_at([(3, 5), (5, 5)], 2)     0.95    at least one of two tries passes, on average over rows
pass_all([(3, 5), (5, 5)], 2)    0.65    both do

Of each row: how many of its tries passed, and how many there were. Both are unbiased for tries
drawn from these without putting back (pass@k: Chen et al. 2021, https://arxiv.org/abs/2107.03374;
pass^k: Yao et al. 2024, https://arxiv.org/abs/2406.12045).
"""

from collections.abc import Sequence
from math import comb, fsum

Tries = Sequence[tuple[int, int]]


def pass_at(rows: Tries, k: int) -> float | None:
    """The chance that at least one of k tries passes; None where no row has so many."""
    return _mean([1 - comb(tries - passed, k) / comb(tries, k) for passed, tries in _of(rows, k)])


def pass_all(rows: Tries, k: int) -> float | None:
    """The chance that all of k tries pass; None where no row has so many."""
    return _mean([comb(passed, k) / comb(tries, k) for passed, tries in _of(rows, k)])


def _of(rows: Tries, k: int) -> Tries:
    return [(passed, tries) for passed, tries in rows if tries >= k]


def _mean(shares: Sequence[float]) -> float | None:
    return fsum(shares) / len(shares) if shares else None
