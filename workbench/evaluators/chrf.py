"""Evaluator: sentence chrF.

>>> round(chrf("The dog bit him.", {"expected_response": "The dogs bit him."}).value, 2)
0.68
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sacrebleu.metrics import CHRF

from workbench.canonical import JSON
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_texts
from workbench.evaluators._setting_checks import check_integer


@evaluator(kind="number", range=(0, 1))
def chrf(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    char_order: int = 6,
    word_order: int = 0,
    beta: int = 2,
    lowercase: bool = False,
) -> Score:
    """The sentence chrF of the answer by sacrebleu, from 0 to 1; it suits all languages.

    An F score of character n-grams up to `char_order`, in which recall counts `beta` times as much
    as precision. `word_order: 2` adds words (chrF++). `lowercase` ignores case. Of a list, the
    best entry counts.
    """
    metric = _metric(char_order, word_order, beta, lowercase)
    result = metric.sentence_score(outputs, expected_texts(expectations))
    return Score(min(1.0, result.score / 100))


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError if it has none."""
    expected_texts(expectations)


def check_settings(**settings: JSON) -> None:
    """Check the orders and `beta`; raises WorkbenchError for one that isn't valid."""
    check_integer("chrf", settings, "char_order", 1, 10)
    check_integer("chrf", settings, "word_order", 0, 4)
    check_integer("chrf", settings, "beta", 1, 10)


@cache
def _metric(char_order: int, word_order: int, beta: int, lowercase: bool) -> Any:
    return CHRF(char_order=char_order, word_order=word_order, beta=beta, lowercase=lowercase)
