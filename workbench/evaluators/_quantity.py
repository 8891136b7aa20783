"""Quantities: a number with its unit, a date or a time, read from a complete numeric expression.

>>> read_quantity("1 1/2", "kg", NumberFormat())
Quantity(kind='number', value=Fraction(3, 2), text='1 1/2', unit='kg', rounded=None)
>>> read_quantity("1.2.3", "", NumberFormat()) is None
True
"""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Literal

MAX_EXPONENT = 400
MAX_DIGITS = 1_000
MAX_TOKENS = 40  # of a calculation


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """Settings of reading.

    Attributes:
        decimal_comma: `1.234,5` is 1234.5; else `1,234.5` is.
        percent: `50%` is 50 (`number`) or 0.5 (`fraction`).
        magnitudes: `5k`, `3M`, `2bn` are read; else such a number is not read at all.
        approximate: `~42` and `about 42` are 42; else they are not read.
    """

    decimal_comma: bool = False
    percent: Literal["number", "fraction"] = "number"
    magnitudes: bool = False
    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number, the ordinal of a date, or the seconds of a time of day; `text` is for messages.

    `rounded`: what the text gives as its rounded value, 4.67 of `14/3 ≈ 4.67`.
    """

    kind: Literal["number", "date", "time"]
    value: Fraction
    text: str
    unit: str = ""
    rounded: Fraction | None = None

    def __str__(self) -> str:
        if self.unit in ("", "ordinal"):
            return self.text
        return f"{self.text}{'' if self.unit in _PERCENT else ' '}{self.unit}"

    def equals(self, other: "Quantity", tolerance: Fraction, relative: Fraction) -> bool:
        """True if `other` is this one within `tolerance`, or within `relative` times this value.

        A number without a unit equals one with it; two units must be the same.
        """
        if self.kind != other.kind or (self.unit and other.unit and self.unit != other.unit):
            return False
        allowed = max(tolerance, relative * abs(self.value)) if self.kind == "number" else 0
        values = [other.value, *([] if other.rounded is None else [other.rounded])]
        return any(abs(self.value - value) <= allowed for value in values)


_PLAIN = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
# Thousands by comma, apostrophe, underscore or space; lakhs; each of one kind only.
_GROUPED = re.compile(
    r"(?:\d{1,3}(?:(?:,\d{3})+|(?:'\d{3})+|(?:_\d{3})+|(?: \d{3})+)|\d{1,2}(?:,\d{2})+,\d{3})"
    r"(?:\.\d+)?"
)
_TIME = re.compile(r"(\d{1,2})(?::([0-5]\d)(?::([0-5]\d))?)?")
_DATES: tuple[tuple[re.Pattern[str], tuple[int, int, int]], ...] = (
    (re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})"), (1, 3, 4)),
    (re.compile(r"(\d{1,2})(\.)(\d{1,2})\.(\d{4})"), (4, 3, 1)),
)
_DAY_OR_MONTH = re.compile(r"(\d{1,2})([-/])(\d{1,2})\2(\d{4})")
_PERCENT = {"%": 100, "‰": 1_000}


def read_quantity(expression: str, unit: str, form: NumberFormat) -> Quantity | None:
    """The quantity of an expression that was cut out completely; None: it is not read."""
    half, separator, zone = unit.partition(" ")
    if separator:
        time = _time(expression, half) if half or ":" in expression else None
        return time and replace(time, unit=zone)
    if unit in ("am", "pm"):
        return _time(expression, unit)
    if unit == "" and (date := _date(expression)):
        return date
    if unit == "" and ":" in expression:
        return _time(expression, "")
    value = _number(expression, form)
    if value is None:
        return None
    text = expression
    if unit in _PERCENT and form.percent == "fraction":
        return Quantity("number", value / _PERCENT[unit], f"{text}{unit}")
    return Quantity("number", value, text, unit)


def read_decimal(digits: str, form: NumberFormat) -> Fraction | None:
    """A number in digits, with its grouping; None: the grouping is no known one."""
    if form.decimal_comma:
        digits = digits.translate(str.maketrans(",.", ".,"))
    if _GROUPED.fullmatch(digits):
        digits = re.sub("[,'_ ]", "", digits)
    exponent = re.search(r"[eE]([-+]?\d+)$", digits)
    too_large = exponent and abs(int(exponent[1][:9])) > MAX_EXPONENT
    if not _PLAIN.fullmatch(digits) or too_large or len(digits) > MAX_DIGITS:
        return None
    return Fraction(Decimal(digits))


def calculate(expression: str, form: NumberFormat) -> Fraction | None:
    """The value of sums of products: 14 of `2 + 3 * 4`; None: it is something else."""
    tokens = re.findall(r"\d[\d.,']*|\S", expression)
    if len(tokens) % 2 == 0 or len(tokens) > MAX_TOKENS:
        return None
    total, product = Fraction(0), Fraction(0)
    for operator, digits in zip(["+", *tokens[1::2]], tokens[::2], strict=True):
        value = read_decimal(digits, form)
        if value is None or (operator in "/÷" and not value):
            return None
        if operator in "+-":
            total, product = total + product, value if operator == "+" else -value
        elif operator in "*x/÷":
            product = product * value if operator in "*x" else product / value
        else:
            return None
    return total + product


def _number(expression: str, form: NumberFormat) -> Fraction | None:
    sign = -1 if expression.startswith("-") else 1
    bare = expression.removeprefix("-").removeprefix("+")
    value = read_decimal(bare, form)
    for pattern, reader in _FORMS:
        if value is None and (match := pattern.fullmatch(bare)):
            value = reader(match, form)
    if value is None or (sign < 0 and "^" in bare and "*" not in bare):
        return None  # the sign of a power is ambiguous: -5^2
    return sign * value


def _fraction(match: re.Match[str], form: NumberFormat) -> Fraction | None:
    above, below = (read_decimal(part, form) for part in match.groups())
    return above / below if above is not None and below else None


def _mixed(match: re.Match[str], form: NumberFormat) -> Fraction | None:
    units, above, below = (read_decimal(part, form) for part in match.groups())
    if units is None or above is None or not below or above >= below:
        return None
    return units + above / below


def _scientific(match: re.Match[str], form: NumberFormat) -> Fraction | None:
    factor = read_decimal(match[1], form)
    power = _power_of(10, match[2])
    return factor * power if factor is not None and power is not None else None


def _power(match: re.Match[str], form: NumberFormat) -> Fraction | None:  # noqa: ARG001
    return _power_of(int(match[1]), match[2]) if len(match[1]) < 7 else None


def _power_of(base: int, exponent: str) -> Fraction | None:
    power = int(exponent)
    return Fraction(base) ** power if abs(power) <= MAX_EXPONENT and base else None


_FORMS: tuple[
    tuple[re.Pattern[str], Callable[[re.Match[str], NumberFormat], Fraction | None]], ...
] = (
    (re.compile(r"([\d.,]+)[/÷]([\d.,]+)"), _fraction),
    (re.compile(r"(\d+)(?: |and)(\d+)/(\d+)"), _mixed),
    (re.compile(r"([\d.,]+)[*x]10(?:\^|\*\*)([-+]?\d{1,4})"), _scientific),
    (re.compile(r"(\d+)(?:\^|\*\*)([-+]?\d{1,4})"), _power),
)


def _date(expression: str) -> Quantity | None:
    for pattern, (year, month, day) in _DATES:
        if match := pattern.fullmatch(expression):
            return _valid_date(match[year], match[month], match[day])
    match = _DAY_OR_MONTH.fullmatch(expression)
    if match and (int(match[1]) > 12 or match[1] == match[3]):
        return _valid_date(match[4], match[3], match[1])
    if match and int(match[3]) > 12:
        return _valid_date(match[4], match[1], match[3])
    return None  # 3/4/2024 is March or April


def _valid_date(year: str, month: str, day: str) -> Quantity | None:
    try:
        date = datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None
    return Quantity("date", Fraction(date.toordinal()), date.isoformat())


def _time(expression: str, half: str) -> Quantity | None:
    match = _TIME.fullmatch(expression)
    if not match:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups())
    if hour > 23 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + 12 * (half == "pm")
    time = datetime.time(hour, minute, second)
    seconds = 3_600 * hour + 60 * minute + second
    return Quantity("time", Fraction(seconds), time.isoformat("auto" if second else "minutes"))
