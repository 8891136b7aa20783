r"""Evaluator: the final number of the answer is the expected one.

>>> numeric_answer("So it is 3/4.", {"expected_response": 0.75}).label
'right'
>>> numeric_answer("(7, 2)", {"expected_response": 2}).label
'unparsed'
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._expected import expected_texts
from workbench.evaluators._numbers import (
    Expression,
    expression_value,
    find_expressions,
    last_expressions,
    prepare,
    read_expression,
)
from workbench.evaluators._quantity import NumberFormat, Quantity

# The mark of GSM8K before a number, and `## 2. Title`, which is no mark.
_MARK = re.compile(r"(?<!#)####(?!#)[ \t]*[*_`$(\[\"]*[ \t]*(?P<line>(?:(?!####)[^\n])*)")
_HEADING = re.compile(r"[*_`]*[.):][ \t]+\S")
_BOXED = re.compile(r"\\(?:boxed|fbox|framebox)\s*\{")
_BRACE = re.compile("[{}]")
_CLAUSE_END = re.compile(r"[.,:;!?\n()]")
_CHOICES = {"which": ("first", "last"), "percent": ("number", "fraction")}


@evaluator(kind="pass")
def numeric_answer(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    tolerance: float = 0.0,
    relative_tolerance: float = 0.0,
    which: Literal["first", "last"] = "last",
    percent: Literal["number", "fraction"] = "number",
    magnitudes: bool = False,
    decimal_comma: bool = False,
) -> Score:
    r"""True if the answer's number is the expected one; label right, wrong, unparsed or no_number.

    The number is the one after the first `####`, the mark of GSM8K (Cobbe et al. 2021,
    arXiv:2110.14168), or in the first `\boxed{}`; else the last in the text. Numbers, fractions,
    powers, percentages, dates and times are read; anything else that a number is only a part of is
    unparsed: `3-5`, `(1, 2)`, `>= 42`, `2 of 3`.

    Args:
        outputs: the answer; without a number the score is False, labelled `no_number`.
        expectations: `expected_response` is a number, or a string with exactly one, or with a mark.
        tolerance: greatest difference that counts as right, in the number's unit.
        relative_tolerance: the same, as a share of the expected number; either reads `~42`.
        which: `first` for answers that give the number before the explanation.
        percent: `50%` is 50 (`number`) or 0.5 (`fraction`).
        magnitudes: `5k`, `3M`, `2bn` are 5000, 3000000, 2000000000; else they are unparsed.
        decimal_comma: `1.234,5` is 1234.5, and `1,234.5` is unparsed.

    Raises:
        WorkbenchError: `expected_response` holds no number, or several, or one that is not read.
    """
    form = NumberFormat(decimal_comma, percent, magnitudes, tolerance + relative_tolerance > 0)
    expected = _expected_numbers(expectations, form)
    expressions = _answer_expressions(outputs, which, form)
    if not expressions:
        return Score(False, reason="no number in the answer", label="no_number")
    first, last = expressions[0], expressions[-1]
    number = read_expression(first, form) if first is last else None
    if number is None:
        excerpt = first.source[first.start : last.end]
        return Score(False, f"{excerpt!r} is not read as one number", "unparsed")
    limits = Fraction(Decimal(str(tolerance))), Fraction(Decimal(str(relative_tolerance)))
    right = any(answer.equals(number, *limits) for answer in expected)
    reason = f"{number}, expected {' or '.join(map(str, expected))}"
    return Score(right, reason, label="right" if right else "wrong", parsed=str(number))


def check_expected(
    expectations: Mapping[str, JSON],
    *,
    percent: Literal["number", "fraction"] = "number",
    magnitudes: bool = False,
    decimal_comma: bool = False,
    **_settings: JSON,
) -> None:
    """Check that one of the row's acceptable answers holds a number that is read.

    Raises:
        WorkbenchError: they don't, as in `numeric_answer`.
    """
    _expected_numbers(expectations, NumberFormat(decimal_comma, percent, magnitudes))


def check_settings(**settings: JSON) -> None:
    """Check the tolerances, and the settings with a choice of words.

    Raises:
        WorkbenchError: one of them isn't valid.
    """
    for name, words in _CHOICES.items():
        if (word := settings.get(name, words[0])) not in words:
            raise unknown_name(f"value of numeric_answer's `{name}`:", str(word), words)
    for name in ("tolerance", "relative_tolerance"):
        limit = settings.get(name, 0.0)
        is_number = isinstance(limit, int | float) and not isinstance(limit, bool)
        if not is_number or not 0 <= limit < math.inf:
            fix = "write a number from 0: the greatest difference that counts as right"
            raise WorkbenchError(f"numeric_answer: {name} is {limit!r}", fix=fix)


def _answer_expressions(text: str, which: str, form: NumberFormat) -> Sequence[Expression]:
    """The marked expressions of an answer, or else its first or last; empty: there is none."""
    prepared = prepare(text)
    if marked := _marked_expressions(text, prepared):
        return marked
    if which == "first":
        return list(islice(find_expressions(prepared), 1))
    return _explained(last_expressions(prepared), form)


def _explained(expressions: Sequence[Expression], form: NumberFormat) -> Sequence[Expression]:
    """The last expression; of `21 (7 × 3)` the first, and of `42 (3 of them bad)` both."""
    if len(expressions) < 2:
        return expressions
    last = expressions[-1]
    bracket = last.source.rfind("(", 0, last.start)
    *_, explained = [None, *(e for e in expressions if e.end <= bracket)]
    is_enclosed = ")" not in last.source[bracket : last.start] and ")" in last.after
    if not explained or not is_enclosed or _CLAUSE_END.search(last.source, explained.end, bracket):
        return [last]
    value = expression_value(explained, form)
    if value is not None and value == expression_value(last, form):
        return [explained]
    return [explained, last]


def _marked_expressions(text: str, prepared: str) -> list[Expression]:
    r"""The expression after the first `####`, or all in the first `\boxed{}` that has one."""
    for mark in _MARK.finditer(prepared):
        line = mark["line"]
        expression = next(find_expressions(line), None)
        if expression is None or line[: expression.start].strip():
            continue
        if not _HEADING.match(line, expression.end):
            return [expression]
    box = _BOXED.search(text)
    while box:
        content = _braced(text, box.end())
        if expressions := list(find_expressions(prepare(content))):
            return expressions
        box = _BOXED.search(text, box.end() + len(content))
    return []


def _braced(text: str, start: int) -> str:
    """The text from `start` to the brace that closes it."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return text[start : brace.start()]
    return text[start:]


def _expected_numbers(expectations: Mapping[str, JSON], form: NumberFormat) -> list[Quantity]:
    """The numbers of the acceptable answers, each once."""
    answer = expectations.get("expected_response")
    entries = answer if isinstance(answer, list) else [answer]
    literals = {str(entry) for entry in entries if isinstance(entry, int | float)}
    numbers: dict[Fraction, Quantity] = {}
    for text in expected_texts(expectations):
        form = replace(form, decimal_comma=text not in literals and form.decimal_comma)
        prepared = prepare(text)
        expressions = _marked_expressions(text, prepared) or list(find_expressions(prepared))
        number = read_expression(expressions[0], form) if len(expressions) == 1 else None
        if number:
            numbers.setdefault(number.value, number)
    if numbers:
        return list(numbers.values())
    problem, fix = "holds no number", "set `expected:` to the column of the right number"
    if len(expressions) > 1:
        problem, fix = "holds several numbers", "keep the right one, or mark it: #### 42"
    elif expressions:
        problem = "is not read as one number"
        fix = "write a number, a fraction, a date (2024-05-01) or a time (7:30)"
    raise WorkbenchError(f"expected_response {answer!r} {problem}", fix=fix)
