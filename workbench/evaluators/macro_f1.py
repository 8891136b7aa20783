"""Evaluator of a run: the mean over the classes of the F1 score of each.

>>> macro_f1([("spam", "spam"), ("ham", "spam"), ("ham", "ham")], labels=["spam", "ham"]).value
0.6666666666666666
"""

from collections.abc import Sequence
from statistics import fmean

from workbench.evaluator import Score, evaluator, per_row
from workbench.evaluators._classes import (
    Pair,
    class_rates,
    rates_text,
    read_class,
    require_classes,
    unseen_pairs,
)
from workbench.evaluators.label_match import check_expected, check_settings

__all__ = ["check_expected", "check_settings", "macro_f1"]


@evaluator(over="run", range=(0, 1))
@per_row(read_class, unseen=unseen_pairs)
def macro_f1(rows: Sequence[Pair], *, labels: Sequence[str]) -> Score:
    """The mean over the classes of the F1 score of each.

    A class that no row has and no answer names is left out. An answer that names no class, or
    several, is a row of its class that was not found. As scikit-learn's `f1_score` with
    `average="macro"`.

    `labels` are the classes; `ignore_case` and `normalize` say how an answer is read for them, as
    in `label_match`.

    Raises:
        ValueError: all rows have the same class.
    """
    rates = class_rates(rows, labels)
    require_classes(rates)
    scores = [each.f1 for each in rates.values() if each.f1 is not None]
    return Score(fmean(scores), rates_text(rates))
