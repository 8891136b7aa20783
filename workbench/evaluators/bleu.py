"""Evaluator: sentence BLEU.

>>> score = bleu("The dog bit the man.", {"expected_response": "The dog bit the man."})
>>> score.value, score.reason
(1.0, 'n-gram precision 100/100/100/100, brevity penalty 1.00')
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from sacrebleu.metrics import BLEU

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_texts
from workbench.evaluators._setting_checks import check_choice

TOKENIZERS = ("13a", "intl", "zh", "char", "none")  # the others of sacrebleu download models
SMOOTHINGS = ("exp", "floor", "add-k", "none")


@evaluator(kind="number", range=(0, 1))
def bleu(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    tokenize: Literal["13a", "intl", "zh", "char", "none"] = "13a",
    lowercase: bool = False,
    smooth: Literal["exp", "floor", "add-k", "none"] = "exp",
) -> Score:
    """The sentence BLEU of the answer by sacrebleu, from 0 to 1.

    All entries of a list are references. It has sacrebleu's settings and defaults: `tokenize` (`zh`
    for Chinese, `char` for Japanese and Thai), `lowercase`, and `smooth`, its smoothing method. A
    text shorter than four words is scored by the n-grams that it has (effective order).
    """
    metric = _metric(tokenize, lowercase, smooth)
    result = metric.sentence_score(outputs, expected_texts(expectations))
    precisions = "/".join(f"{precision:.0f}" for precision in result.precisions)
    reason = f"n-gram precision {precisions}, brevity penalty {result.bp:.2f}"
    return Score(min(1.0, result.score / 100), reason)


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError if it has none."""
    expected_texts(expectations)


def check_settings(**settings: JSON) -> None:
    """Check `tokenize` and `smooth`; raises WorkbenchError for one that isn't valid."""
    check_choice("bleu", settings, "smooth", SMOOTHINGS)
    tokenizer = settings.get("tokenize")
    if tokenizer in BLEU.TOKENIZERS and tokenizer not in TOKENIZERS:
        message = f"bleu: the tokenizer {tokenizer!r} needs a model that is downloaded"
        raise WorkbenchError(message, fix=f"use one of {', '.join(TOKENIZERS)}")
    check_choice("bleu", settings, "tokenize", TOKENIZERS)


@cache
def _metric(tokenize: str, lowercase: bool, smooth: str) -> Any:
    return BLEU(tokenize=tokenize, lowercase=lowercase, smooth_method=smooth, effective_order=True)
