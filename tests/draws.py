"""The number of draws of a simulation, and the bounds of its rates.

WORKBENCH_DRAWS limits the draws of every simulation; the default is quick, 2,000 draws all that
each test asks for. With fewer draws than that the bounds are exact binomial ones: a correct program
is outside with a probability below 1e-4 for each assertion. With all draws the tight bounds hold.
"""

import os

from scipy.stats import binom

MAX_DRAWS = int(os.environ.get("WORKBENCH_DRAWS", "400"))
FALSE_ALARM = 1e-4


def draws_of(full: int) -> int:
    return min(full, MAX_DRAWS)


def assert_rate(
    count: float, full: int, truth: tuple[float, float], tight: tuple[float, float]
) -> None:
    """Assert that a rate is within bounds.

    Args:
        count: of `draws_of(full)` draws.
        full: the draws for the tight bounds.
        truth: the least and the greatest rate of a correct program.
        tight: bounds of the observed rate with all draws.
    """
    draws = draws_of(full)
    low, high = tight
    if draws < full:
        low = binom.ppf(FALSE_ALARM, draws, truth[0]) / draws
        high = binom.isf(FALSE_ALARM, draws, truth[1]) / draws
    assert low <= count / draws <= high
