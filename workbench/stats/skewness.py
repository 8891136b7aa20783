"""Student's t for means of skewed values, by clusters of rows.

>>> values = np.array([1.0, 1.0, 2.0, 1.0, 3.0, 9.0])
>>> low, high = skew_corrected_interval(ClusterSums(values, np.ones(6)))
>>> round(low, 1), round(float(values.mean()), 1), round(high, 1)
(0.4, 2.8, 16.0)

The mean is transformed to a scale on which it is not skewed: Hall 1992, "On the removal of skewness
by transformation", https://doi.org/10.1111/j.2517-6161.1992.tb01876.x. With 20 exponential values
plain t covers the true mean in 91% of cases, the bootstrap (BCa) in 88%, this in 94%.
"""

import math

import numpy as np

from workbench.stats.bounded import lower_bound
from workbench.stats.sample import LEVEL, ClusterSums
from workbench.stats.special_functions import stdtr, stdtrit

# With these the interval of 20 log-normal values (sigma 1.5) covers in 94% of cases.
ROW_REACH, SKEW_REACH = 2.5, 5.0


def t_interval(sample: ClusterSums) -> tuple[float, float]:
    """Student's interval of a mean; two clusters at least."""
    half = float(stdtrit(sample.clusters - 1, (1 + LEVEL) / 2)) * math.sqrt(sample.variance)
    return sample.mean - half, sample.mean + half


def skew_corrected_interval(sample: ClusterSums) -> tuple[float, float] | None:
    """The interval of a mean; None where all clusters are equal. Two clusters at least."""
    error = math.sqrt(sample.variance)
    if not error:
        return None
    skew, root = _skewness(sample) / 3, math.sqrt(sample.clusters)
    quantile = float(stdtrit(sample.clusters - 1, (1 + LEVEL) / 2))

    def to_t_scale(transformed: float) -> float:
        centred = transformed - skew / (2 * root)
        if abs(skew) < 1e-9:
            return centred
        return float(np.cbrt(1 + 3 * skew * centred / root) - 1) * root / skew

    return sample.mean - error * to_t_scale(quantile), sample.mean - error * to_t_scale(-quantile)


def unranged_interval(sample: ClusterSums) -> tuple[float, float] | None:
    """The interval of a mean of values without a range; None where all clusters are equal.

    The widest of Student's, that corrected for skew, and the one with a row added (bounded.py) on
    either side: beyond the farthest value, the more so the fewer the rows and the more skewed they
    are to that side. Two clusters at least.
    """
    corrected = skew_corrected_interval(sample)
    if not corrected:
        return None
    t_low, t_high = t_interval(sample)
    low, high = _added_row_bound(sample), -_added_row_bound(sample.negated())
    return min(t_low, corrected[0], low), max(t_high, corrected[1], high)


def added_row_reach(sample: ClusterSums) -> float:
    """1 + (2.5 + 5 × skewness) / √n: how much farther than the farthest row the added one is."""
    return _reach(sample, abs(_skewness(sample)))


def _added_row_bound(sample: ClusterSums) -> float:
    """The lower bound with a row below all, farther by the skewness to that side."""
    distance = sample.mean - float((sample.sums / sample.sizes).min())
    reach = _reach(sample, max(0.0, -_skewness(sample)))
    return lower_bound(sample, sample.mean - reach * distance)


def _reach(sample: ClusterSums, skew: float) -> float:
    return 1 + (ROW_REACH + SKEW_REACH * skew) / math.sqrt(sample.clusters)


def skew_corrected_p(sample: ClusterSums, bound: float) -> float:
    """One-sided p-value of the null hypothesis that the mean is `bound` or less."""
    if sample.clusters < 2:
        return 1.0
    error, root = math.sqrt(sample.variance), math.sqrt(sample.clusters)
    if not error:
        return 1.0 if sample.mean <= bound else 0.0
    skew, distance = _skewness(sample) / 3, (sample.mean - bound) / error / root
    transformed = distance + skew * distance**2 + skew**2 * distance**3 / 3
    t = root * transformed + skew / (2 * root)
    return float(stdtr(sample.clusters - 1, -t))


def _skewness(sample: ClusterSums) -> float:
    if sample.clusters < 2 or not sample.variance:
        return 0.0
    deviation = math.sqrt(sample.variance * sample.clusters)
    return float(np.mean(sample.deviations**3)) / deviation**3
