"""Evaluator: the final number of the answer is the expected one."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_texts

# Not inside a word (H2O) and not after a point; a minus only where no number goes before it.
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])(?P<sign>[-+−]?)[$€£¥]?"
    r"(?P<digits>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?P<exponent>[eE][-+]?[0-9]{1,3}(?![0-9A-Za-z]))?"
)
_MARK = "####"


@evaluator(kind="pass")
def numeric_answer(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    tolerance: float = 0.0,
    which: Literal["first", "last"] = "last",
) -> Score:
    """True if the answer's number is the expected one; label right, wrong or no_number.

    The number is the last in the text, or the first after `####`, the mark of GSM8K (Cobbe et al.
    2021, arXiv:2110.14168). `1,234.50`, `$12`, `50%`, `12kg` are read as 1234.50, 12, 50, 12.
    Number words, fractions and decimal commas are not read.

    Args:
        outputs: the answer; without a number the score is False, labelled `no_number`.
        expectations: `expected_response` is a number, or a string with one, read the same way.
        tolerance: greatest difference that counts as right, in the number's unit.
        which: `first` for answers that give the number before the explanation.

    Raises:
        WorkbenchError: `expected_response` holds no number.
    """
    expected = _expected_numbers(expectations)
    number = _number(outputs, which)
    if number is None:
        return Score(False, reason="no number in the answer", label="no_number")
    right = any(abs(number - answer) <= Decimal(str(tolerance)) for answer in expected)
    reason = f"{number}, expected {' or '.join(str(answer) for answer in expected)}"
    return Score(right, reason=reason, label="right" if right else "wrong")


def check_expected(expectations: Mapping[str, JSON], **_settings: JSON) -> None:
    """Check that the row's acceptable answers hold a number.

    Raises:
        WorkbenchError: they don't, as in `numeric_answer`.
    """
    _expected_numbers(expectations)


def check_settings(**settings: JSON) -> None:
    """Check that `which` and `tolerance` are valid.

    Raises:
        WorkbenchError: one of them isn't.
    """
    which, tolerance = settings.get("which", "last"), settings.get("tolerance", 0.0)
    if which not in ("first", "last"):
        raise unknown_name("value of numeric_answer's `which`:", str(which), ("first", "last"))
    is_number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    if not is_number or not 0 <= tolerance < math.inf:
        fix = "write a number from 0: the greatest difference that counts as right"
        raise WorkbenchError(f"numeric_answer: tolerance is {tolerance!r}", fix=fix)


def _expected_numbers(expectations: Mapping[str, JSON]) -> list[Decimal]:
    """The numbers of the acceptable answers, each once."""
    read = [_number(text, "last") for text in expected_texts(expectations)]
    numbers = list(dict.fromkeys(number for number in read if number is not None))
    if not numbers:
        answer = expectations["expected_response"]
        fix = "set `expected:` to the column of the right number"
        raise WorkbenchError(f"expected_response {answer!r} holds no number", fix=fix)
    return numbers


def _number(text: str, which: str) -> Decimal | None:
    marked = list(_NUMBER.finditer(text.rpartition(_MARK)[2])) if _MARK in text else []
    matches = marked or list(_NUMBER.finditer(text))
    if not matches:
        return None
    number = matches[0] if marked or which == "first" else matches[-1]
    sign = "-" if number["sign"] in ("-", "−") else ""
    return Decimal(sign + number["digits"].replace(",", "") + (number["exponent"] or ""))
