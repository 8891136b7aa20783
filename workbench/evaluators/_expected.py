"""The acceptable answers of a row, for evaluators that compare with them.

>>> expected_answers({"expected_response": ["Paris", 2.0]})
(Acceptable(forms=('Paris',), boolean=False), Acceptable(forms=('2', '2.0'), boolean=False))
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.errors import WorkbenchError

BOOLEANS = {
    True: ("true", "True", "TRUE", "yes", "Yes", "YES"),
    False: ("false", "False", "FALSE", "no", "No", "NO"),
}


@dataclass(frozen=True, slots=True)
class Acceptable:
    """One acceptable answer: the texts that it may have; `boolean` for true and false."""

    forms: tuple[str, ...]
    boolean: bool = False


def expected_answers(expectations: Mapping[str, JSON]) -> tuple[Acceptable, ...]:
    """`expected_response`, or each entry of it if it is a list; any of them is right.

    A whole number has no point: 2.0 is `2` (and `2.0`). True is `true` or `yes`, false is `false`
    or `no`, also capitalised. Empty entries of a list are left out.

    Raises:
        WorkbenchError: the row has none, or it is none of these.
    """
    answer = expectations.get("expected_response")
    answers = answer if isinstance(answer, list) else [answer]
    acceptable = tuple(_acceptable(entry) for entry in answers if not _is_blank(entry))
    if not acceptable:
        fix = "add `expected: COLUMN` to the dataset, or fill in that column"
        raise WorkbenchError("this row has no expected_response", fix=fix)
    return acceptable


def expected_texts(expectations: Mapping[str, JSON]) -> list[str]:
    """Every text of every acceptable answer; raises as `expected_answers` does."""
    return [form for answer in expected_answers(expectations) for form in answer.forms]


def _is_blank(answer: JSON) -> bool:
    return answer is None or (isinstance(answer, str) and not answer.strip())


def _acceptable(answer: JSON) -> Acceptable:
    if isinstance(answer, bool):
        return Acceptable(BOOLEANS[answer], boolean=True)
    if isinstance(answer, float) and math.isfinite(answer) and answer.is_integer():
        return Acceptable((str(int(answer)), str(answer)))
    if isinstance(answer, str | int | float):
        return Acceptable((str(answer),))
    message = f"expected_response is {answer!r}, not a string, a number, true or false"
    raise WorkbenchError(message, fix="write the right answer as a string, or a list of them")
