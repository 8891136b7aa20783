"""The interval of a difference, in agreement with the word of its test.

>>> agreeing_interval((-0.34, -0.03), p=0.12, mean=-0.17)   # no evidence: 0 is not excluded
(-0.34, 0.0)
>>> agreeing_interval((-0.01, 0.30), p=0.04, mean=0.15, inner=0.02)   # better: 0 is excluded
(0.02, 0.3)

Where interval and test are not inversions of each other, they differ near p = 0.05. The test gives
the word. So the interval reaches to 0 where the test finds nothing, else it ends before 0.
"""

import math

ALPHA = 0.05


def agreeing_interval(
    interval: tuple[float, float], p: float, mean: float, inner: float = 0.0
) -> tuple[float, float]:
    """The interval that excludes 0 if, and only if, the two-sided p-value is 0.05 or less.

    Args:
        interval: with the mean in it.
        p: of no difference.
        mean: of the differences.
        inner: an end between 0 and the mean, where the interval must be cut; 0: next to 0.
    """
    low, high = interval
    if p > ALPHA:
        return min(low, 0.0), max(high, 0.0)
    if low > 0 or high < 0:
        return interval
    end = inner if 0 < inner / mean <= 1 else math.nextafter(0.0, mean)
    return (end, high) if mean > 0 else (low, end)
