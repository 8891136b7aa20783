"""How sure a number is, and how sure a difference between two is.

means.py      a metric's mean and its interval
pairs.py      two variants on the same rows: difference, interval, test
repeats.py    pass or fail asked several times: pass@k, pass^k
verdicts.py   from some differences to words: better, worse, equivalent, not enough evidence
"""

from workbench.stats.means import LEVEL, Estimate, estimate
from workbench.stats.pairs import Difference, Scale, difference
from workbench.stats.repeats import pass_all, pass_at
from workbench.stats.verdicts import (
    BETTER,
    EQUIVALENT,
    UNCLEAR,
    WORSE,
    Verdict,
    Wanted,
    holm,
    verdicts,
)

__all__ = [
    "BETTER",
    "EQUIVALENT",
    "LEVEL",
    "UNCLEAR",
    "WORSE",
    "Difference",
    "Estimate",
    "Scale",
    "Verdict",
    "Wanted",
    "difference",
    "estimate",
    "holm",
    "pass_all",
    "pass_at",
    "verdicts",
]
