"""The sample that a statistic is computed from: values by row, clusters of rows, and their scale.

    values = {0: [1.0, 0.0], 1: [1.0]}      # row 0 has two scored repeats, row 1 has one
    clusters = [0, 0, 1]                    # rows 0 and 1 belong together, row 2 does not
    Scale(low=1, high=5)                    # a mark

The row is the unit of a mean: a row's repeats are averaged first. The cluster is the unit of its
uncertainty: rows of one cluster are not independent.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95  # of all intervals
FloatArray = NDArray[np.float64]
RowValues = Mapping[int, Sequence[float]]  # dataset row -> its values, one per scored repeat
Clusters = Sequence[int]  # of each dataset row, the number of its cluster


@dataclass(frozen=True, slots=True)
class Scale:
    """The values a metric can take.

    Attributes:
        pass_fail: all values are 0 or 1.
        low, high: the least and the greatest value; None: unknown.
        higher_is_better: False where lower is better.
    """

    pass_fail: bool = False
    low: float | None = None
    high: float | None = None
    higher_is_better: bool = True

    @property
    def width(self) -> float | None:
        """Distance from the least to the greatest value; None where it is unknown."""
        limits = self.limits
        return limits[1] - limits[0] if limits else None

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the greatest value; None: unknown."""
        if self.pass_fail:
            return 0.0, 1.0
        return None if self.low is None or self.high is None else (self.low, self.high)


def row_means(values: RowValues, rows: Sequence[int]) -> FloatArray:
    """The mean of each of these rows."""
    means = [math.fsum(values[row]) / len(values[row]) for row in rows]
    return np.array(means, dtype=np.float64)


def cluster_numbers(rows: Sequence[int], clusters: Clusters | None) -> NDArray[np.intp]:
    """The cluster of each of these rows, numbered from 0; None: each row is its own."""
    if clusters is None:
        return np.arange(len(rows))
    return np.unique([clusters[row] for row in rows], return_inverse=True)[1]


def max_cluster_size(clusters: Clusters | None) -> int:
    """The most rows of the dataset that are one cluster; None: each row is its own."""
    return max(Counter(clusters).values(), default=1) if clusters else 1
