"""How sure a number is, and how sure a difference between two is.

choice.py     which variant to take: the Pareto front, the chances of being the best
means.py      a metric's mean and its interval
pairs.py      two variants on the same rows: difference, interval, test
repeats.py    pass or fail asked several times: pass@k, pass^k
sequential.py a test that may be looked at after every row
verdicts.py   from some differences to words: better, worse, equivalent, not enough evidence
"""

from workbench.stats.choice import best_chances, front
from workbench.stats.means import LEVEL, Estimate, below, estimate_mean
from workbench.stats.pairs import Difference, Scale, difference
from workbench.stats.repeats import pass_all, pass_at
from workbench.stats.sequential import Watched, watched_apart, watched_difference
from workbench.stats.verdicts import (
    ALPHA,
    BETTER,
    EQUIVALENT,
    INCONCLUSIVE,
    OFTEN,
    WORSE,
    Verdict,
    Wanted,
    holm,
    rows_to_settle,
    verdicts,
)

__all__ = [
    "ALPHA",
    "BETTER",
    "EQUIVALENT",
    "INCONCLUSIVE",
    "LEVEL",
    "OFTEN",
    "WORSE",
    "Difference",
    "Estimate",
    "Scale",
    "Verdict",
    "Wanted",
    "Watched",
    "below",
    "best_chances",
    "difference",
    "estimate_mean",
    "front",
    "holm",
    "pass_all",
    "pass_at",
    "rows_to_settle",
    "verdicts",
    "watched_apart",
    "watched_difference",
]
