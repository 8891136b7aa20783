"""The right answer of a row, for evaluators that compare with one."""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError


def expected_text(expectations: Mapping[str, JSON]) -> str:
    """`expected_response` as text; a number as JSON writes it.

    Raises:
        WorkbenchError: the row has none, or it is neither text nor number.
    """
    answer = expectations.get("expected_response")
    if answer is None:
        raise WorkbenchError(
            "this row has no expected_response",
            fix="add `expected: COLUMN` to the dataset, or fill that column",
        )
    if isinstance(answer, bool) or not isinstance(answer, str | int | float):
        fix = "write the right answer as a text"
        raise WorkbenchError(f"expected_response is {answer!r}, no text or number", fix=fix)
    return str(answer)
