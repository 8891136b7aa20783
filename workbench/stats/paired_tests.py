"""Tests of paired differences: McNemar's, Tango's, and the sign-flip permutation test.

>>> mcnemar_p(up=6, down=0)
0.03125
>>> sign_flip_p(np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
0.03125
>>> [round(end, 3) for end in pass_fail_interval(up=6, down=0, rows=12)]
[0.136, 0.789]
"""

import math

import numpy as np
from scipy.special import bdtr, bdtrc, ndtr

from workbench.stats.sample import LEVEL, FloatArray

MAX_EXACT_ROWS = 12  # rows that differ, up to which all 4,096 sign flips are tried
RANDOM_FLIPS = 9_999
SEED = 20_260_101
STEPS = 40  # of a search for an interval's end
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


def tango_statistic(up: int, down: int, rows: int, shift: float) -> float:
    """Score statistic of a difference of paired proportions of `shift`; it falls as that grows.

    Tango 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C891::AID-SIM780%3E3.0.CO;2-B
    """
    shift = min(max(shift, -1 + 1e-12), 1 - 1e-12)
    linear = -up - down + (2 * rows - up + down) * shift
    root = math.sqrt(max(linear**2 + 8 * rows * down * shift * (1 - shift), 0.0))
    share = (root - linear) / (4 * rows)
    variance = rows * (2 * share + shift * (1 - shift))
    return (up - down - rows * shift) / math.sqrt(max(variance, 1e-300))


def pass_fail_p(up: int, down: int, rows: int, bound: float) -> float:
    """One-sided p-value of the null hypothesis that the difference is `bound` or less.

    Tango's test errs in up to 9% of samples where few rows differ. So two exact tests must agree:
    the binomial one, as if no row differed in the other direction, and, where the hypothesis
    includes no difference, McNemar's.
    """
    p, net, share = float(ndtr(-tango_statistic(up, down, rows, bound))), up - down, abs(bound)
    if bound < 0:
        return max(p, float(bdtr(-net, rows, min(share, 1.0)))) if net <= 0 else p
    exact = [bdtrc(net - 1, rows, min(share, 1.0)), bdtrc(up - 1, up + down, 0.5)]
    return max(p, *map(float, exact)) if net > 0 else 1.0


def pass_fail_interval(up: int, down: int, rows: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a difference of paired proportions: all that two one-sided tests keep.

    It inverts `pass_fail_p`: it excludes 0 where McNemar's exact test does at 1 - level, and is
    within a margin where both one-sided tests at (1 - level) / 2 say so.
    """
    alpha = (1 - level) / 2
    return _lower_end(up, down, rows, alpha), 0.0 - _lower_end(down, up, rows, alpha)


def _lower_end(up: int, down: int, rows: int, alpha: float) -> float:
    """The greatest bound that the difference is shown to exceed; next to 0 it is 0."""

    def exceeds(bound: float) -> bool:
        return pass_fail_p(up, down, rows, bound) <= alpha

    low, high = -1.0, (up - down) / rows
    if exceeds(0.0):
        low = 0.0
    elif high >= 0:  # McNemar's test decides at 0 and above: the p-value may rise there at once
        if exceeds(-NEXT_TO_0):
            return 0.0
        high = -NEXT_TO_0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if exceeds(middle) else (low, middle)
    return low
