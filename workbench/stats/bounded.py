"""Bounds on a mean that hold although the worst value may not have been seen yet.

>>> sample = ClusterSums(np.ones(20), np.ones(20))               # twenty rows, each with 1.0 of 1
>>> round(lower_bound(sample, worst=0.0), 3)
0.86
>>> round(p_above(sample, 0.9, worst=0.0), 2)                    # evidence that the mean is > 0.9
0.12

A row at the worst end of the scale is added to the sample, and the rows are weighted at random
(exponential weights: the Bayesian bootstrap). The p-value is the share of such weights with which
the mean is at the bound or beyond it. For pass or fail it is the exact binomial one (Clopper &
Pearson 1934). For other values from a known range it erred no more often than it says in any
distribution that was ever tried (Gaffke 2005; Learned-Miller & Thomas 2019,
https://arxiv.org/abs/1905.06208); Student's t errs in up to 80% of samples where a large drop is
rare. The share is computed by a saddlepoint approximation (Lugannani & Rice 1980; Barndorff-Nielsen
1986, https://doi.org/10.1093/biomet/73.2.307), which is within some 1% of it.

Rows of a cluster get one weight, and the row added is a cluster of the largest size.
"""

import math

import numpy as np

from workbench.stats.sample import LEVEL, ClusterSums, FloatArray
from workbench.stats.special_functions import ndtr, ndtri

MAX_STEPS = 100  # of a search for a root
PRECISION = 1e-10
NEAR_ZERO = 1e-4  # of the saddlepoint's root, below which the formula divides 0 by 0


def p_above(sample: ClusterSums, bound: float, worst: float) -> float:
    """One-sided p-value of the null hypothesis that the mean is `bound` or less.

    `worst` is the least value that a row can have.
    """
    gains = sample.sums - sample.sizes * bound
    return _share_not_positive(np.append(gains, sample.sizes.max() * (worst - bound)))


def lower_bound(sample: ClusterSums, worst: float) -> float:
    """The least mean that is not rejected at 5%; `worst` is the least value of a row."""
    low, high = worst, sample.mean
    if low >= high:
        return worst
    below, above = _excess(sample, low, worst), _excess(sample, high, worst)
    side = 0.0
    for _ in range(MAX_STEPS):  # regula falsi, with Illinois' correction
        middle = (low * above - high * below) / (above - below)
        excess = _excess(sample, middle, worst)
        if abs(excess) <= PRECISION:
            return float(middle)
        if excess < 0:
            low, below, above = middle, excess, above / (2 if side < 0 else 1)
        else:
            high, above, below = middle, excess, below / (2 if side > 0 else 1)
        side = excess
    return float(low)


def _excess(sample: ClusterSums, bound: float, worst: float) -> float:
    """The p-value less 5%, both as normal quantiles: nearly linear in the bound."""
    p = min(max(p_above(sample, bound, worst), 1e-300), 1 - 1e-16)
    return float(ndtri(p) - ndtri(1 - LEVEL))


def _share_not_positive(gains: FloatArray) -> float:
    """The probability that a sum of these numbers is 0 or less, each with an exponential weight."""
    least, most = float(gains.min()), float(gains.max())
    if most <= 0:
        return 1.0
    if least >= 0:
        return 0.0
    gains = gains / max(-least, most)
    point = _saddlepoint(gains)
    shrunk = gains / (1 - gains * point)
    root = math.copysign(math.sqrt(max(2 * float(np.log1p(-gains * point).sum()), 0.0)), point)
    slope = point * math.sqrt(float(shrunk @ shrunk))
    if abs(root) < NEAR_ZERO:
        squares = float(gains @ gains)
        skew = float((gains**3).sum()) / (squares * math.sqrt(squares))
        return 0.5 + skew / (3 * math.sqrt(2 * math.pi))
    return float(ndtr(root + math.log(slope / root) / root))


def _saddlepoint(gains: FloatArray) -> float:
    """The root of the derivative of the cumulant generating function, -Σ log(1 - gain × t)."""
    low, high = 1 / float(gains.min()), 1 / float(gains.max())
    point, width = 0.0, high - low
    for _ in range(MAX_STEPS):
        shrunk = gains / (1 - gains * point)
        slope = float(shrunk.sum())
        low, high = (point, high) if slope < 0 else (low, point)
        step = slope / float(shrunk @ shrunk)
        if abs(step) <= PRECISION * width:
            break
        point -= step
        if not low < point < high:
            point = (low + high) / 2
    return point
