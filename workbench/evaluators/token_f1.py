"""Evaluator: words shared with the expected text, as in SQuAD.

>>> token_f1("The Norman dynasty.", {"expected_response": "Norman"}).reason
'1 shared of 2 in the answer and 1 expected'
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_texts
from workbench.evaluators._setting_checks import MEASURES, check_choice
from workbench.evaluators._text import normalize_text, read_steps

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_UNSPACED = re.compile(r"([\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff])")
_STEPS = read_steps(None)


class _WithoutPunctuation(dict[int, int | None]):
    """A table for `str.translate`, filled as characters come."""

    def __missing__(self, code: int) -> int | None:
        category = unicodedata.category(chr(code))
        self[code] = None if category.startswith("P") else code
        return self[code]


_WITHOUT_PUNCTUATION = _WithoutPunctuation.fromkeys(map(ord, string.punctuation))


@evaluator(kind="number", range=(0, 1))
def token_f1(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    measure: Literal["f1", "precision", "recall"] = "f1",
) -> Score:
    """The words shared with `expected_response`: F1, precision or recall, as SQuAD counts them.

    The `measure` is one of the three. Lower case, without punctuation and the articles a, an, the;
    the rest is split at white space. Chinese and Japanese characters are words of their own, as in
    MLQA; Thai, Lao, Khmer and Burmese are split at spaces only. Of a list, the best entry counts.
    Source: the evaluation script of SQuAD (Rajpurkar et al. 2016).
    """
    answer = answer_tokens(outputs)
    scores = [_score(answer, tokens, measure) for tokens in _expected_tokens(expectations)]
    return max(scores, key=lambda score: score.number or 0.0)


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row's acceptable answers have words.

    Raises:
        WorkbenchError: one has none, or there is no acceptable answer.
    """
    _expected_tokens(expectations)


def check_settings(**settings: JSON) -> None:
    """Check `measure`; raises WorkbenchError for another word."""
    check_choice("token_f1", settings, "measure", MEASURES)


def answer_tokens(text: str) -> list[str]:
    """The words of a text that are compared."""
    text = normalize_text(text, _STEPS).lower().translate(_WITHOUT_PUNCTUATION)
    return _UNSPACED.sub(r" \1 ", _ARTICLE.sub(" ", text)).split()


def _expected_tokens(expectations: Mapping[str, JSON]) -> list[list[str]]:
    expected = []
    for text in expected_texts(expectations):
        tokens = answer_tokens(text)
        if not tokens:
            message = (
                f"nothing is left of expected_response {text!r} without articles and punctuation"
            )
            raise WorkbenchError(message, fix="use exact_match or label_match for such answers")
        expected.append(tokens)
    return expected


def _score(answer: list[str], expected: list[str], measure: str) -> Score:
    shared = (Counter(answer) & Counter(expected)).total()
    value = {
        "f1": 2 * shared / (len(answer) + len(expected)),
        "precision": shared / len(answer) if answer else 0.0,
        "recall": shared / len(expected),
    }[measure]
    return Score(
        value, f"{shared} shared of {len(answer)} in the answer and {len(expected)} expected"
    )
