"""Intervals for a metric's mean.

interval([[True], [False], …])  ->  Estimate(mean=0.83, low=0.77, high=0.88, n=150)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

LEVEL = 0.95


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


def estimate(rows: Sequence[Sequence[float]], *, pass_fail: bool) -> Estimate | None:
    """The mean over all values and its interval; None without values.

    Args:
        rows: the values of each row; several where rows are repeated. Repeats say little new of
            a row, so with them the interval comes from the rows' means (rows are the clusters).
        pass_fail: the values are 0 and 1; then, without repeats, the interval is Wilson's
            (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953), else Student's t.
    """
    rows = [row for row in rows if row]
    n = sum(len(row) for row in rows)
    if not n:
        return None
    mean = math.fsum(value for row in rows for value in row) / n
    if pass_fail and n == len(rows):
        low, high = _wilson(mean, n)
        return Estimate(mean, low, high, n)
    if len(rows) < 2:
        return Estimate(mean, None, None, n)
    return Estimate(mean, *_clustered_t(rows, mean, n), n)


def _wilson(share: float, n: int) -> tuple[float, float]:
    z = 1.959963984540054  # the normal quantile at (1 + LEVEL) / 2
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def _clustered_t(rows: Sequence[Sequence[float]], mean: float, n: int) -> tuple[float, float]:
    """Student's t with the cluster-robust variance of a mean, rows being the clusters."""
    groups = len(rows)
    deviations = [math.fsum(value - mean for value in row) for row in rows]
    variance = groups / (groups - 1) * math.fsum(d * d for d in deviations) / (n * n)
    half = float(stdtrit(groups - 1, (1 + LEVEL) / 2)) * math.sqrt(variance)
    return mean - half, mean + half
