"""The difference of two variants in a metric of all rows, such as a macro F1, on the same rows.

column_difference(first, second, Scale(low=0, high=1))      of the rows' contributions

It is tested as a mean of numbers: a contribution may lie outside the metric's range, so one row
that was not seen may change the difference by as much as the farthest two that were.
"""

from dataclasses import replace

from workbench.stats.pairs import Difference, paired_difference
from workbench.stats.sample import Clusters, RowValues, Scale


def column_difference(
    first: RowValues, second: RowValues, scale: Scale, clusters: Clusters | None = None
) -> Difference | None:
    """The difference of the second from the first; None where no row contributes to both.

    `first` and `second` are contributions of rows (jackknife.py), whose means are the metric's
    values; `scale` is the metric's. Rows of one of the `clusters` were left out together.
    """
    values = [value for by_row in (first, second) for row in by_row.values() for value in row]
    if scale.limits and values:
        low, high = scale.limits
        scale = replace(scale, low=min(low, *values), high=max(high, *values))
    difference = paired_difference(first, second, replace(scale, pass_fail=False), clusters)
    # The median of contributions says nothing of the metric.
    return replace(difference, up=0, down=0, median=None) if difference else None
