"""The expected text of a row, for evaluators that compare with it."""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError


def expected_text(expectations: Mapping[str, JSON]) -> str:
    """`expected_response` as a string; a number as JSON writes it.

    Raises:
        WorkbenchError: the row has none, or it is neither a string nor a number.
    """
    answer = expectations.get("expected_response")
    if answer is None:
        fix = "add `expected: COLUMN` to the dataset, or fill in that column"
        raise WorkbenchError("this row has no expected_response", fix=fix)
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        message = f"expected_response is {answer!r}, not a string or a number"
        raise WorkbenchError(message, fix="write the right answer as a string")
    return str(answer)
