"""Evaluator: the answer equals the expected text."""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.evaluator import evaluator
from workbench.evaluators._expected import expected_text


@evaluator(kind="pass")
def exact_match(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    ignore_case: bool = False,
    strip: bool = True,
) -> bool:
    """True if the answer equals `expected_response`; a number is compared as a string.

    With `ignore_case`, `Yes` equals `yes`; `strip` ignores white space at both ends of each.
    """
    answer, expected = outputs, expected_text(expectations)
    if strip:
        answer, expected = answer.strip(), expected.strip()
    if ignore_case:
        answer, expected = answer.casefold(), expected.casefold()
    return answer == expected
