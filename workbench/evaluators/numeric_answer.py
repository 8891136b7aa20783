"""Whether the number that the answer comes to is the expected one."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_text

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
    """True where the answer's number is `expected_response`; label right, wrong or no_number.

    The number is the last in the text, or the first after `####`, the mark of GSM8K (Cobbe et al.
    2021, arXiv:2110.14168). `1,234.50`, `$12`, `50%`, `12kg` are read as 1234.50, 12, 50, 12.
    Number words, fractions and decimal commas are not read.

    Args:
        outputs: the answer; where it has no number the score is False, labelled `no_number`.
        expectations: `expected_response` is a number, or a text with one, read the same way.
        tolerance: greatest difference that is still right, in the number's own unit.
        which: `first` for answers that give the number before the explanation.

    Raises:
        WorkbenchError: `expected_response` holds no number.
    """
    wanted = _number(expected_text(expectations), "last")
    if wanted is None:
        answer = expectations["expected_response"]
        fix = "name the column of the right number as `expected:`"
        raise WorkbenchError(f"expected_response {answer!r} holds no number", fix=fix)
    found = _number(outputs, which)
    if found is None:
        return Score(False, reason="no number in the answer", label="no_number")
    right = abs(found - wanted) <= Decimal(str(tolerance))
    return Score(right, reason=f"{found}, expected {wanted}", label="right" if right else "wrong")


def check_settings(**settings: JSON) -> None:
    """Makes sure that `which` and `tolerance` mean something.

    Raises:
        WorkbenchError: one of them doesn't.
    """
    which, tolerance = settings.get("which", "last"), settings.get("tolerance", 0.0)
    if which not in ("first", "last"):
        raise unknown_name("value of numeric_answer's `which`:", str(which), ("first", "last"))
    number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    if not number or not 0 <= tolerance < math.inf:
        what = f"numeric_answer: tolerance is {tolerance!r}"
        raise WorkbenchError(what, fix="a number from 0: the greatest difference that is right")


def _number(text: str, which: str) -> Decimal | None:
    marked = text.rpartition(_MARK)[2] if _MARK in text else ""
    found = list(_NUMBER.finditer(marked))
    if found:
        which = "first"
    else:
        found = list(_NUMBER.finditer(text))
    if not found:
        return None
    number = found[0] if which == "first" else found[-1]
    sign = "-" if number["sign"] in ("-", "−") else ""
    return Decimal(sign + number["digits"].replace(",", "") + (number["exponent"] or ""))
