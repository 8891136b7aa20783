"""Evaluator: the answer contains the expected text."""

import re
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.evaluator import evaluator
from workbench.evaluators._expected import expected_answers


@evaluator(kind="pass")
def contains(outputs: str, expectations: Mapping[str, JSON], *, ignore_case: bool = True) -> bool:
    """True if the answer contains `expected_response`, even inside a word.

    Of a list, any entry counts. A number is compared as a string; true and false as whole words.
    With `ignore_case`, `PARIS` contains `Paris`.
    """
    folded = outputs.casefold() if ignore_case else outputs
    for answer in expected_answers(expectations):
        for form in answer.forms:
            text = form.casefold() if ignore_case else form
            if re.search(rf"\b{text}\b", folded) if answer.boolean else text in folded:
                return True
    return False


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError as `contains` does."""
    expected_answers(expectations)
