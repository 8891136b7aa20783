"""A metric's mean with its confidence interval.

>>> estimate = estimate_mean([[1.0], [0.0], [1.0], [1.0]], pass_fail=True)
>>> estimate.mean, round(estimate.low, 3), round(estimate.high, 3), estimate.n
(0.75, 0.301, 0.954, 4)

    pass or fail      Wilson's interval; with repeats, for the effective sample size
    numbers           Student's t, corrected for skew: scores pile up at one end of a scale

Rows are the clusters: the repeats of a row are correlated and never count as rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri, stdtr, stdtrit

LEVEL = 0.95
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95% interval.

    Attributes:
        low, high: None for a single row of several values or of a number.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


def estimate_mean(rows: Sequence[Sequence[float]], *, pass_fail: bool) -> Estimate | None:
    """The mean over all values of all rows with its interval; None without values.

    With `pass_fail` all values are 0 or 1.
    """
    rows = [row for row in rows if row]
    n = sum(len(row) for row in rows)
    if not n:
        return None
    mean = math.fsum(value for row in rows for value in row) / n
    if pass_fail and n == len(rows):
        low, high = wilson_interval(mean, n, float(ndtri((1 + LEVEL) / 2)))
        return Estimate(mean, low, high, n)
    if len(rows) < 2:
        return Estimate(mean, None, None, n)
    sums = np.array([math.fsum(value - mean for value in row) for row in rows])
    deviations = sums * (len(rows) / n)  # of each row's contribution to the mean
    if pass_fail:
        return Estimate(mean, *_clustered_wilson_interval(mean, n, deviations), n)
    return Estimate(mean, *_skew_corrected_interval(mean, deviations), n)


def p_mean_less(rows: Sequence[Sequence[float]], bound: float, *, pass_fail: bool) -> float:
    """One-sided p-value of the null hypothesis that the mean is `bound` or more.

    The exact binomial test for pass or fail without repeats, else Student's t over rows.
    """
    rows = [row for row in rows if row]
    n = sum(len(row) for row in rows)
    if not n:
        return 1.0
    total = math.fsum(value for row in rows for value in row)
    if pass_fail and n == len(rows):
        return float(bdtr(round(total), n, min(max(bound, 0.0), 1.0)))
    means = np.array([math.fsum(row) / len(row) for row in rows])
    standard_error = float(means.std(ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else 0.0
    if not standard_error:
        return 1.0 if len(means) < 2 or means.mean() >= bound else 0.0
    return float(stdtr(len(means) - 1, (float(means.mean()) - bound) / standard_error))


def wilson_interval(share: float, n: float, z: float) -> tuple[float, float]:
    """Score interval of a proportion; `z` is the normal quantile of the level.

    Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def t_interval(mean: float, deviations: FloatArray) -> tuple[float, float]:
    """Student's interval of a mean, from each row's deviation; two rows at least."""
    n = len(deviations)
    variance = float(deviations @ deviations) / (n - 1) / n
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * math.sqrt(variance)
    return mean - half, mean + half


def _skew_corrected_interval(mean: float, deviations: FloatArray) -> tuple[float, float]:
    """Student's interval on a scale on which the mean is not skewed.

    Hall 1992, "On the removal of skewness by transformation",
    https://doi.org/10.1111/j.2517-6161.1992.tb01876.x. With 20 exponential values plain t covers
    the true mean in 91% of cases, the bootstrap (BCa) in 88%, this in 94%.
    """
    rows = len(deviations)
    sd = math.sqrt(float(deviations @ deviations) / (rows - 1))
    if not sd:
        return mean, mean
    skew = float(np.mean(deviations**3)) / sd**3 / 3
    root, quantile = math.sqrt(rows), float(stdtrit(rows - 1, (1 + LEVEL) / 2))

    def to_t_scale(transformed: float) -> float:
        centred = transformed - skew / (2 * root)
        if abs(skew) < 1e-9:
            return centred
        return float(np.cbrt(1 + 3 * skew * centred / root) - 1) * root / skew

    standard_error = sd / root
    return (
        mean - standard_error * to_t_scale(quantile),
        mean - standard_error * to_t_scale(-quantile),
    )


def _clustered_wilson_interval(mean: float, n: int, deviations: FloatArray) -> tuple[float, float]:
    """Wilson's interval for the effective sample size, from the rows to all values."""
    rows = len(deviations)
    variance = float(deviations @ deviations) / (rows - 1) / rows
    effective = mean * (1 - mean) / variance if variance else rows
    quantile = float(stdtrit(rows - 1, (1 + LEVEL) / 2))
    return wilson_interval(mean, min(max(effective, rows), n), quantile)
