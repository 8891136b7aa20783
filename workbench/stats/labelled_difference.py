"""A difference of two variants as people's labels correct it.

correct_difference(difference, corrected)      its interval and its test are prediction-powered
"""

import math
from dataclasses import replace

from workbench.stats.judge_error import Corrected
from workbench.stats.pairs import Difference


def correct_difference(difference: Difference, corrected: Corrected) -> Difference:
    """The difference with the mean, the interval and the test of its corrected mean."""
    p = 2 * min(corrected.p_greater(0.0), corrected.p_less(0.0))
    return replace(
        difference,
        corrected=corrected,
        low=corrected.low,
        high=corrected.high,
        p=min(1.0, p),
        test="prediction-powered t",
        sd=corrected.error * math.sqrt(difference.rows),
        is_binary=False,
    )
