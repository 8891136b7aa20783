"""Evaluator: the answer equals the expected text.

>>> exact_match("**Paris**", {"expected_response": "Paris"}, normalize={"markdown": True})
True
"""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.evaluator import evaluator
from workbench.evaluators._text import normalize_text, normalized_answers, read_steps


@evaluator(kind="pass")
def exact_match(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    ignore_case: bool = False,
    strip: bool = True,
    normalize: JSON = None,
) -> bool:
    """True if the answer equals `expected_response`; a number is compared as a string.

    Of a list, any entry counts. With `ignore_case`, `Yes` equals `yes`; `strip` ignores white space
    at both ends of each. `normalize` switches steps of normalisation on or off.
    """

    def compared(text: str) -> str:
        text = text.strip() if strip else text
        return text.casefold() if ignore_case else text

    steps = read_steps(normalize)
    answers = normalized_answers(expectations, steps)
    forms = {compared(form) for answer in answers for form in answer.forms}
    return compared(normalize_text(outputs, steps)) in forms


def check_expected(
    expectations: Mapping[str, JSON], *, normalize: JSON = None, **_settings: JSON
) -> None:
    """Check that the row has an acceptable answer; raises WorkbenchError as `exact_match` does."""
    normalized_answers(expectations, read_steps(normalize))


def check_settings(**settings: JSON) -> None:
    """Check `normalize`; raises WorkbenchError if it names no step."""
    read_steps(settings.get("normalize"), "exact_match")
