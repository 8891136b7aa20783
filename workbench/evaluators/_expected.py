"""The acceptable answers of a row, for evaluators that compare with them.

>>> expected_answers({"expected_response": ["Paris", 2.0]})
(Acceptable(forms=('Paris',), boolean=False), Acceptable(forms=('2', '2.0'), boolean=False))
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError

BOOLEANS = {
    True: ("true", "True", "TRUE", "yes", "Yes", "YES"),
    False: ("false", "False", "FALSE", "no", "No", "NO"),
}
_EXPONENT = re.compile(r"-?\d(?:\.\d+)?e[-+]\d{2,3}")


@dataclass(frozen=True, slots=True)
class Acceptable:
    """One acceptable answer: the texts that it may have; `boolean` for true and false."""

    forms: tuple[str, ...]
    boolean: bool = False


def expected_answers(expectations: Mapping[str, JSON]) -> tuple[Acceptable, ...]:
    """`expected_response`, or each entry of it if it is a list; any of them is right.

    A whole number has no point: 2.0 is `2` (and `2.0`); 1e-05 is also `0.00001` and `1e-5`. True is
    `true` or `yes`, false is `false` or `no`, also capitalised. Empty entries of a list are left
    out.

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
    if isinstance(answer, float):
        return math.isnan(answer)
    return answer is None or (isinstance(answer, str) and not answer.strip())


def _acceptable(answer: JSON) -> Acceptable:
    if isinstance(answer, bool):
        return Acceptable(BOOLEANS[answer], boolean=True)
    if isinstance(answer, float) and math.isfinite(answer) and answer.is_integer():
        return Acceptable((str(int(answer)), *_spellings(str(answer))))
    if isinstance(answer, str | int | float):
        return Acceptable(_spellings(str(answer)))
    message = f"expected_response is {answer!r}, not a string, a number, true or false"
    raise WorkbenchError(message, fix="write the right answer as a string, or a list of them")


def _spellings(text: str) -> tuple[str, ...]:
    """A text, and the other spellings of a number as tables write small and large ones: `1e-05`."""
    if not _EXPONENT.fullmatch(text):
        return (text,)
    return (text, f"{Decimal(text):f}", re.sub(r"e\+?(-?)0*(?=\d)", r"e\1", text))
