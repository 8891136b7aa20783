"""Evaluator of a run: the mean over the classes of the share of its rows that are right.

>>> balanced_accuracy([("a", "a"), ("b", "a"), ("b", "b")], labels=["a", "b"]).value
0.75
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

__all__ = ["balanced_accuracy", "check_expected", "check_settings"]


@evaluator(over="run", range=(0, 1))
@per_row(read_class, unseen=unseen_pairs)
def balanced_accuracy(rows: Sequence[Pair], *, labels: Sequence[str]) -> Score:
    """The mean over the classes of the share of its rows that are right.

    Each class counts the same, however few rows it has. An answer that names no class, or several,
    is wrong. As scikit-learn's `balanced_accuracy_score`.

    `labels` are the classes; `ignore_case` and `normalize` say how an answer is read for them, as
    in `label_match`.

    Raises:
        ValueError: all rows have the same class.
    """
    rates = class_rates(rows, labels)
    require_classes(rates)
    shares = [each.recall for each in rates.values() if each.recall is not None]
    return Score(fmean(shares), rates_text(rates))
