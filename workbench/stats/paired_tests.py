"""Tests of paired differences: McNemar's, one-sided ones, and the sign-flip permutation test.

>>> mcnemar_p(up=6, down=0)
0.03125
>>> sign_flip_p(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
0.03125
>>> [round(end, 3) for end in pass_fail_interval(up=6, down=0, rows=12)]
[0.123, 0.802]
"""

from functools import cache, lru_cache

import numpy as np

from workbench.stats.sample import LEVEL, FloatArray
from workbench.stats.special_functions import bdtr, bdtrc, ndtr, ndtri
from workbench.stats.unconditional import tango_bound, tango_statistic, unconditional_test

MAX_EXACT_ROWS = 12  # rows that differ, up to which all 4,096 sign flips are tried
RANDOM_FLIPS = 9_999
SEED = 20_260_101
STEPS = 60  # of a search for an interval's end
PRECISION = 1e-9  # of an interval's end
MAX_EXACT_PAIRS = 300  # up to which every table of pass or fail has an exact test
MAX_EXACT_DISCORDANT = 100  # rows that differ, up to which longer ones have it, too
NEXT_TO_0 = 1e-9
TOLERANCE = 1e-9  # relative: sums of the same numbers in another order


def mcnemar_p(up: int, down: int) -> float:
    """Exact two-sided p-value of McNemar's test for these numbers of discordant pairs."""
    if up == down:
        return 1.0
    return min(1.0, 2 * float(bdtr(min(up, down), up + down, 0.5)))


def sign_flip_p(differences: FloatArray, tie_width: float = 0.0) -> float:
    """Two-sided p-value of the sign-flip permutation test of differences that are not zero.

    A sum that is smaller than the observed one by less than `tie_width` counts in part. So a row
    that differs by next to nothing does not halve the p-value, as it does by breaking ties.
    """
    rows, observed = len(differences), abs(float(differences.sum())) * (1 - TOLERANCE)
    if not observed:
        return 1.0
    if rows <= MAX_EXACT_ROWS:
        signs = 1 - 2 * ((np.arange(2**rows)[:, None] >> np.arange(rows)) & 1)
        sums, identity = signs @ differences, 0
    else:
        size = (rows + 7) // 8
        random_bytes = np.random.default_rng(SEED).bytes(RANDOM_FLIPS * size)
        packed = np.frombuffer(random_bytes, dtype=np.uint8).reshape(RANDOM_FLIPS, size)
        positive = np.unpackbits(packed, axis=1, count=rows)
        sums, identity = 2 * (positive @ differences) - differences.sum(), 1
    missing = (observed - np.abs(sums)) / max(tie_width, TOLERANCE * observed)
    return float(np.clip(1 - missing, 0, 1).sum() + identity) / (len(sums) + identity)


def pass_fail_p(up: int, down: int, rows: int, bound: float) -> float:
    """One-sided p-value of the null hypothesis that the difference is `bound` or less.

    At a bound of 0 it is McNemar's exact test. Elsewhere it is the exact unconditional one, no
    greater below 0 than McNemar's, and no smaller above: it rises with the bound. Beyond the tables
    for which that is fast enough Tango's test takes its place.
    """
    mcnemar = float(bdtrc(up - 1, up + down, 0.5)) if up else 1.0
    if not bound:
        return mcnemar
    if rows <= MAX_EXACT_PAIRS or up + down <= MAX_EXACT_DISCORDANT:
        p = unconditional_test(up, down, rows).p_above(bound)
    else:
        p = float(ndtr(-tango_statistic(up, down, rows, bound)))
    return min(p, mcnemar) if bound < 0 else max(p, mcnemar)


@lru_cache(maxsize=4_096)
def pass_fail_interval(up: int, down: int, rows: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a difference of paired proportions: all that two one-sided tests keep.

    It inverts `pass_fail_p`: it excludes 0 where McNemar's exact test does at 1 - level, and is
    within a margin where both one-sided tests at (1 - level) / 2 say so.
    """
    alpha = (1 - level) / 2
    return _lower_end(up, down, rows, alpha), 0.0 - _lower_end(down, up, rows, alpha)


def _lower_end(up: int, down: int, rows: int, alpha: float) -> float:
    """The greatest bound that the difference is shown to exceed.

    McNemar's test decides at 0, where the p-value may jump: the end is 0 if only bounds below it
    are exceeded, and next to 0 if it is the last one.
    """

    @cache
    def excess(bound: float) -> float:
        """The p-value less alpha, both as normal quantiles: nearly linear in the bound."""
        p = min(max(pass_fail_p(up, down, rows, bound), 1e-300), 1 - 1e-16)
        return float(ndtri(p) - ndtri(alpha))

    low, high = -1.0, (up - down) / rows
    if high >= 0:
        if excess(0.0) <= 0:
            low = NEXT_TO_0
        elif excess(-NEXT_TO_0) <= 0:
            return 0.0
        else:
            high = -NEXT_TO_0
    guess = tango_bound(up, down, rows, alpha)
    for point in (guess - (high - guess) / 4, guess + (high - guess) / 10):
        if low < point < high:
            low, high = (point, high) if excess(point) <= 0 else (low, point)
    below, above, side = excess(low), excess(high), 0.0
    for _ in range(STEPS):  # regula falsi, with Illinois' correction
        if below > 0 or high - low <= PRECISION:
            break
        middle = (low * above - high * below) / (above - below)
        middle = min(max(middle, low + PRECISION / 4), high - PRECISION / 4)
        difference = excess(middle)
        if difference <= 0:
            low, below, above = middle, difference, above / (2 if side < 0 else 1)
        else:
            high, above, below = middle, difference, below / (2 if side > 0 else 1)
        side = difference
    return low
