"""A test that may be looked at again and again while rows come in, and still keeps its promise.

evidence([0.0, 1.0, 1.0, …], bound=0.0)    24.1: against "the mean is 0 or less", 24 to 1

A bet on each row against the hypothesis, at fair odds under it: what one unit has grown to is the
evidence. Under the hypothesis it ever reaches 1/α with a chance of α at the most (Ville 1939),
however often one looks and whenever one stops (Waudby-Smith & Ramdas 2024,
https://doi.org/10.1093/jrsssb/qkad009). The bets are a fixed mixture of shares of the stake, so the
order of the rows makes no difference.
"""

import math
from collections.abc import Sequence

import numpy as np

SHARES = tuple(share / 32 for share in range(1, 32))  # of the stake that is bet on each row


def evidence(
    values: Sequence[float], *, bound: float, low: float = -1.0, high: float = 1.0
) -> float:
    """How strongly these rows speak against a mean of `bound` or less.

    Args:
        values: of each row; none below `low` or above `high`.
        bound: the greatest mean of the hypothesis, above `low`.
        low: the least value there can be.
        high: the greatest.

    Raises:
        ValueError: a value is out of range, or the bound leaves nothing to bet on.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.size and (rows.min() < low - 1e-9 or rows.max() > high + 1e-9):
        raise ValueError(f"a value beyond {low:g} to {high:g}")
    if bound <= low:
        return math.inf if bound < low else 1.0
    distinct, times = np.unique(rows, return_counts=True)
    steps = (distinct - bound) / (bound - low)  # -1 where all that is bet is lost
    grown = [float(times @ np.log1p(share * np.maximum(steps, -1.0))) for share in SHARES]
    most = max(grown)
    return math.exp(min(most, 700.0)) * sum(math.exp(one - most) for one in grown) / len(grown)
