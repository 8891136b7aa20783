"""Confidence intervals, tests, and verdicts on differences.

choice.py     Pareto front and probabilities of being the best
means.py      a metric's mean and its interval
pairs.py      paired difference of two variants: interval and test, once or at every look
repeats.py    pass@k and pass^k of repeated rows
sequential.py anytime-valid tests and confidence sequences of a mean
verdicts.py   better, worse, equivalent, not enough evidence; sample sizes
"""

from workbench.stats.choice import best_probabilities, pareto_front
from workbench.stats.means import estimate_mean, p_mean_less
from workbench.stats.pairs import (
    Difference,
    Scale,
    anytime_difference,
    paired_difference,
    paired_sequence,
)
from workbench.stats.repeats import pass_all, pass_at
from workbench.stats.sequential import AnytimeMean
from workbench.stats.verdicts import (
    ALPHA,
    ANYTIME_FACTOR,
    BETTER,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
    Verdict,
    holm_adjust,
    rows_to_decide,
    verdicts,
)

__all__ = [
    "ALPHA",
    "ANYTIME_FACTOR",
    "BETTER",
    "EQUIVALENT",
    "INCONCLUSIVE",
    "WORSE",
    "AnytimeMean",
    "Difference",
    "Scale",
    "Verdict",
    "anytime_difference",
    "best_probabilities",
    "estimate_mean",
    "holm_adjust",
    "p_mean_less",
    "paired_difference",
    "paired_sequence",
    "pareto_front",
    "pass_all",
    "pass_at",
    "rows_to_decide",
    "verdicts",
]
