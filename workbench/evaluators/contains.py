"""Evaluator: the answer contains the expected text."""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import evaluator
from workbench.evaluators._expected import expected_text


@evaluator(kind="pass")
def contains(outputs: str, expectations: Mapping[str, JSON], *, ignore_case: bool = True) -> bool:
    """True if the answer contains `expected_response`, even inside a word.

    A number is compared as a string. With `ignore_case`, `PARIS` contains `Paris`.

    Raises:
        WorkbenchError: `expected_response` is empty, which every answer contains.
    """
    expected = expected_text(expectations)
    if not expected.strip():
        raise WorkbenchError(
            f"expected_response is {expected!r}, which every answer contains",
            fix="fill in the column that `expected:` names",
        )
    return expected.casefold() in outputs.casefold() if ignore_case else expected in outputs
