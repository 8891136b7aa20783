"""Evaluator: the answer contains the expected text.

>>> contains("It’s in PARIS.", {"expected_response": ["London", "Paris"]})
True
"""

import re
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.evaluator import evaluator
from workbench.evaluators._text import normalize_text, normalized_answers, read_steps


@evaluator(kind="pass")
def contains(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    ignore_case: bool = True,
    normalize: JSON = None,
) -> bool:
    """True if the answer contains `expected_response`, even inside a word.

    Of a list, any entry counts. A number is compared as a string; true and false as whole words.
    With `ignore_case`, `PARIS` contains `Paris`. `normalize` switches steps of normalisation.
    """
    steps = read_steps(normalize)
    answer = normalize_text(outputs, steps)
    answer = answer.casefold() if ignore_case else answer
    for acceptable in normalized_answers(expectations, steps):
        for form in acceptable.forms:
            text = form.casefold() if ignore_case else form
            if re.search(rf"\b{text}\b", answer) if acceptable.boolean else text in answer:
                return True
    return False


def check_expected(
    expectations: Mapping[str, JSON], *, normalize: JSON = None, **_settings: JSON
) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError as `contains` does."""
    normalized_answers(expectations, read_steps(normalize))


def check_settings(**settings: JSON) -> None:
    """Check `normalize`; raises WorkbenchError if it names no step."""
    read_steps(settings.get("normalize"), "contains")
