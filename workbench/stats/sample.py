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
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95  # of all intervals
# Without a range a rare large value may not have been seen. What happens in one row of a hundred
# is in 350 rows with a probability of 97%.
MIN_UNRANGED = 350  # clusters, for an interval of a mean and for a verdict
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
        of_rows: False for a metric of all rows at once, which has no worst value of one.
    """

    pass_fail: bool = False
    low: float | None = None
    high: float | None = None
    higher_is_better: bool = True
    of_rows: bool = True

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

    @property
    def worst(self) -> float | None:
        """The worst score of a row; None where it is unknown."""
        limits = self.limits if self.of_rows else None
        return limits[0 if self.higher_is_better else 1] if limits else None


def row_means(values: RowValues, rows: Sequence[int]) -> FloatArray:
    """The mean of each of these rows."""
    means = [
        repeats[0] + 0.0 if len(repeats) == 1 else math.fsum(repeats) / len(repeats)
        for repeats in map(values.__getitem__, rows)
    ]
    return np.array(means, dtype=np.float64)


def cluster_numbers(rows: Sequence[int], clusters: Clusters | None) -> NDArray[np.intp]:
    """The cluster of each of these rows, numbered from 0; None: each row is its own."""
    if clusters is None:
        return np.arange(len(rows))
    numbers = np.array([clusters[row] for row in rows])
    if (numbers[1:] > numbers[:-1]).all():  # each row is its own, and need not be sorted
        return np.arange(len(rows))
    return np.unique(numbers, return_inverse=True)[1]


def max_cluster_size(clusters: Clusters | None) -> int:
    """The most rows of the dataset that are one cluster; None: each row is its own."""
    return max(Counter(clusters).values(), default=1) if clusters else 1


@dataclass(frozen=True)
class ClusterSums:
    """Values of rows, summed by cluster.

    Attributes:
        sums: the sum of each cluster's row values.
        sizes: the number of each cluster's rows.
    """

    sums: FloatArray
    sizes: FloatArray

    @classmethod
    def of_rows(
        cls, values: FloatArray, rows: Sequence[int], clusters: Clusters | None
    ) -> "ClusterSums":
        """Sum the values of these dataset rows, one per row."""
        if clusters is None:
            return cls(values, np.ones_like(values))
        numbers = cluster_numbers(rows, clusters)
        sums = np.bincount(numbers, values).astype(np.float64)
        return cls(sums, np.bincount(numbers).astype(np.float64))

    @property
    def clusters(self) -> int:
        """The number of clusters."""
        return len(self.sums)

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return round(float(self.sizes.sum()))

    @cached_property
    def mean(self) -> float:
        """The mean over rows."""
        return math.fsum(self.sums) / self.rows

    @cached_property
    def deviations(self) -> FloatArray:
        """Each cluster's deviation from the mean; their mean square is the clusters' variance."""
        return (self.sums - self.sizes * self.mean) * (self.clusters / self.rows)

    @cached_property
    def variance(self) -> float:
        """The variance of the mean, robust to correlation within clusters; two clusters at least.

        With G/(G - 1) for G clusters, as statsmodels' `cov_type="cluster"` has it for a mean.
        """
        squares = float(self.deviations @ self.deviations)
        return squares / (self.clusters - 1) / self.clusters

    @property
    def effective_clusters(self) -> float:
        """The number of equal clusters that tell as much as these of unequal size (Kish 1965)."""
        return self.rows**2 / float(self.sizes @ self.sizes)

    def negated(self) -> "ClusterSums":
        """The same clusters, with every row's value negated."""
        return ClusterSums(-self.sums, self.sizes)
