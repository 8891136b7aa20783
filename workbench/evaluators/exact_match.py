"""Evaluator: the answer equals the expected text."""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.evaluator import evaluator
from workbench.evaluators._expected import expected_texts


@evaluator(kind="pass")
def exact_match(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    ignore_case: bool = False,
    strip: bool = True,
) -> bool:
    """True if the answer equals `expected_response`; a number is compared as a string.

    Of a list, any entry counts. With `ignore_case`, `Yes` equals `yes`; `strip` ignores white space
    at both ends of each.
    """

    def compared(text: str) -> str:
        text = text.strip() if strip else text
        return text.casefold() if ignore_case else text

    return compared(outputs) in {compared(text) for text in expected_texts(expectations)}


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError as `exact_match` does."""
    expected_texts(expectations)
