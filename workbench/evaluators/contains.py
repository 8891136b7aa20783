"""Whether the expected text stands somewhere in the answer."""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluator import evaluator
from workbench.evaluators._expected import expected_text


@evaluator(kind="pass")
def contains(outputs: str, expectations: Mapping[str, JSON], *, ignore_case: bool = True) -> bool:
    """True where `expected_response` is part of the answer, inside a word too.

    Args:
        outputs: the answer.
        expectations: with `expected_response`; a number is looked for as text.
        ignore_case: `PARIS` contains `Paris`.

    Raises:
        WorkbenchError: `expected_response` is empty, which everything contains.
    """
    wanted = expected_text(expectations)
    if not wanted.strip():
        raise WorkbenchError(
            f"expected_response is {wanted!r}, which every answer contains",
            fix="fill the column that `expected:` names",
        )
    return wanted.casefold() in outputs.casefold() if ignore_case else wanted in outputs
