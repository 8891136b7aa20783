"""Numbers in text: each numeric expression is cut out completely, and read or not read.

An expression goes on while anything joins its numbers: `3-5`, `(1, 2)`, `7:30`, `5 ft 3 in`,
`2 of 3`. It is never cut, so no number is read of which the text is only a part.

>>> text = "1 1/2 of 3, so 3 + 4 = 7 kg or more. On 2023-12-01 it was 42."
>>> quantities = [read_expression(e, NumberFormat()) for e in find_expressions(text)]
>>> [quantity and quantity.text for quantity in quantities]
[None, None, '2023-12-01', '42']
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from workbench.evaluators import _bounds
from workbench.evaluators._number_text import GLOSSED, UNREAD, plain_mathematics
from workbench.evaluators._quantity import NumberFormat, Quantity, calculate, read_quantity
from workbench.evaluators._units import (
    CURRENCIES,
    CURRENCY,
    MAGNITUDE,
    SUFFIX,
    SUFFIXES,
    UNIT,
    exponent_of,
    unit_of,
)

NEAR = 80  # characters around a number that may change its meaning
MOST_NUMBERS = 100  # of an expression that is read; a longer one takes the rest of its line
_LETTER = r"A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff"
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
# A word with digits in it is a name: H2O, v1.2, GPT-4, x_1.
_NAME = re.compile(
    rf"(?<![{_LETTER}\d])(?!(?:{CURRENCY})\d)[{_LETTER}](?:[{_LETTER}]*_?|[{_LETTER}]+-)\d\w*(?:\.\d+)*"
)
_DIGITS = r"(?:\d+(?:[.,'_]\d+)*|(?<![.\w])\.\d+)(?:[eE][-+]?\d+(?![^\W_]))?"
_NUMBER = re.compile(
    rf"(?P<sign>(?<![\w)\]}}%°])[-+–])?(?:(?P<currency>{CURRENCY}[ ]?)(?P<second_sign>[-+])?)?"
    rf"(?P<digits>{_DIGITS}|{UNREAD})(?P<magnitude>{MAGNITUDE}+|{SUFFIX})?(?P<unit>{UNIT})?"
)
_SIGN = r"[^\s\w|]"
# Any one short word between two numbers joins them, in whatever language, except these.
_APART = r"(?:is|are|was|were|be|then|but|at|so|equals?|makes?|gives?|while|on|because|if|we|not)"
_WORDS = (
    r"and|or|to|through|possibly|maybe|perhaps|minus|(?:out )?of(?: all)?"
    r"(?: the| these| those| my| our)?|divided by|multiplied by|"
    r"for every|to the(?: power(?: of)?)?|"
    r"plus or minus|raised to|squared plus|and then|or even"
)
_OPERATOR = r"(?:\*\*|<=|>=|!=|//|\.{2,3}|[-+*/÷^=:<>~±x–—…&@,∈])"
_JOINT = re.compile(
    rf"(?:{GLOSSED}|{_SIGN}{{0,3}}[ ]{_OPERATOR}[ ]?(?:{_SIGN}(?<![-+]))?"
    rf"|[)\]}}'\"]?[-+*/÷^=<>~±–—][ ](?:{_SIGN}(?<![-+]))?"
    rf"|,?{_SIGN}?[ ](?:{_WORDS})[ ](?:about |the |a |an )?{_SIGN}{{0,2}}?"
    rf"|[^\s\w|,;.:!?]?[ ](?!{_APART}[ ])[^\W\d_]{{1,7}}\.?[ ]{_SIGN}{{0,2}}?"
    r"|\.?[ ](?:del? |di |of )?[^\W\d_]{3,10}\.?(?: del?| di)?[ ](?=\d{4}\b)"  # 1 de mayo de 2023
    rf"|[,;][ ]{_SIGN}?"
    rf"|{_SIGN}{{1,6}}?"
    rf"|{_SIGN}{{0,2}}?(?:[{_LETTER}]{{1,6}}|[{_CJK}]{{1,2}}){_SIGN}{{0,2}}?"
    rf"|(?:,| or| and)[ ][{_LETTER}][ ]?=[ ]?|(?<=[^\s\d])|_\{{?|\||[ ]+)"
    rf"(?={_NUMBER.pattern.replace('?P<', '?P<ahead_')})"
)
_BEFORE_YEAR = re.compile(
    r"\b(?:in|by|since|at|on|from|after|before|until|during|of|for|with|case|step|question|example|"
    r"day|week|month|year|chapter|page|table|figure|section|round|level|part|row|line)\s+$",
    re.IGNORECASE,
)
_WORD_NUMBER = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|hundred|thousand|"
    r"million|billion|half|quarter|dozen|point)(?:[ -]|\s+and\s+)$",
    re.IGNORECASE,
)
_OPERAND = re.compile(
    rf"(?:{UNREAD}[ ]?|\^\s?|[\^_]\{{\s?|\+|[\w)][/÷+]|(?:\b[A-Za-z]|\))\*\*?|"
    r"[\w)] (?:\*\*?|[/÷+]) |[A-Za-z]\(|(?:\b[A-Za-z]|[)\]])\s?-\s?)$"
)
_GOES_ON = re.compile(
    rf"[{_LETTER}\^_]|[ ]?[+?](?=\s|$)|\((?=[\w-])|/[{_LETTER}]{{1,2}}(?![{_LETTER}])|-[{_LETTER}]|"
    rf"[ ]?{UNREAD}|[割成折\u0300-\u036f]|[時时点點分]半|"
    r"\s+(?:is|was|would\s+be)\s+(?:not|wrong|incorrect)\b|\s+(?:is|was)n't\b|\s*[❌✗✘✖]|"
    rf"\s*\(?(?:wrong|incorrect)\b|-(?=\s|$)|\s?[<>]=?\s?[A-Za-z{UNREAD}]|"
    r"[ ](?:[*/^+÷=]|[<>]=?|!=)[ ][\w(\ue000]|[ ]?-[ ]?[A-Za-z]\b|"
    r"\s+(?:dozen|scores?\b(?!:)|gross\b|pairs?\s+of|plus\b(?!\s)|point\s+\w|"
    r"squared|cubed|factorial|below\b|fold\b|BCE?\b|(?:plus|minus|times|over)\s+[a-z]\b|"
    r"(?-i:[ijknxyz])(?![\w.']))",
    re.IGNORECASE,
)
_ROUNDED = re.compile(r"[^\w<>=!±]*~[^\w<>=!±]*")
_ASSIGNED = re.compile(r"(?:,| or| and)[ ]([^\W\d_])[ ]?=[ ]?")  # a variable, behind another number
# `10m people` may be ten million; `10 m long` and `10 m in all` are metres.
_COUNTED = re.compile(
    r"\s+(?!(?:long|tall|wide|high|deep|thick|away|apart|above|below|from|and|are|was|were|per|the|for|"
    r"when|which|that|because|but|with|since|after|before|short|longer|taller|higher|deeper|further|"
    r"farther|total|each|than)\b)[a-z]{3,}"
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A complete numeric expression of a text: its numbers, and what joins each to the next."""

    source: str
    numbers: list[re.Match[str]]
    joints: list[str]

    @property
    def text(self) -> str:
        return self.source[self.start : self.end]

    @property
    def start(self) -> int:
        return self.numbers[0].start()

    @property
    def end(self) -> int:
        return self.numbers[-1].end()

    @property
    def before(self) -> str:
        return self.source[max(0, self.start - NEAR) : self.start]

    @property
    def after(self) -> str:
        return self.source[self.end : self.end + NEAR]


def prepare(text: str) -> str:
    """The text that `find_expressions` looks at: plain signs, and names without their digits."""
    return _NAME.sub("w", plain_mathematics(text))


def find_expressions(text: str, position: int = 0) -> Iterator[Expression]:
    """Every numeric expression of `prepare`'s text behind `position`, in order."""
    while match := _NUMBER.search(text, position):
        numbers, joints = [match], []
        while len(numbers) <= MOST_NUMBERS and (joint := _JOINT.match(text, numbers[-1].end())):
            listed = joint[0].startswith((", ", "; ")) and len(numbers) == 1
            if listed and _BEFORE_YEAR.search(text[max(0, match.start() - NEAR) : match.start()]):
                break  # In 2020, 42 people came.
            if _is_solved(text[max(0, numbers[-1].start() - NEAR) : numbers[-1].start()], joint[0]):
                break  # 2x = 4, x = 2
            following = _NUMBER.match(text, joint.end())
            assert following
            numbers.append(following)
            joints.append(joint[0])
        yield Expression(text, numbers, joints)
        position = numbers[-1].end()
        if len(numbers) > MOST_NUMBERS:
            position = (text.find("\n", position) + 1) or len(text)


def _is_solved(before: str, joint: str) -> bool:
    """True if the joint assigns a variable of the equation before it."""
    assigned, equation = _ASSIGNED.fullmatch(joint), re.search(r"([^,;.\n=]+)=\s*$", before)
    if not assigned or not equation or equation[1].strip() == assigned[1]:
        return False
    return bool(re.search(rf"(?<![^\W\d_]){assigned[1]}(?![^\W\d_])", equation[1]))


def last_expressions(text: str) -> list[Expression]:
    """The expressions of the last line of `prepare`'s text that has one."""
    last_digit = max(text.rfind(digit) for digit in f"0123456789{UNREAD}")
    return list(find_expressions(text, text.rfind("\n", 0, last_digit + 1) + 1))


def read_expression(expression: Expression, form: NumberFormat) -> Quantity | None:
    """The quantity of an expression; of an equation, its last side, or else its first."""
    if len(expression.numbers) > MOST_NUMBERS:
        return None
    if any(map(_ROUNDED.fullmatch, expression.joints)):
        return _rounded(expression, form)
    sides: list[tuple[list[re.Match[str]], list[str]]] = [([expression.numbers[0]], [])]
    for joint, number in zip(expression.joints, expression.numbers[1:], strict=True):
        if re.fullmatch(r"[^\w<>!~±]*=[^\w<>!~±]*", joint):
            sides.append(([number], []))
        else:
            sides[-1][0].append(number)
            sides[-1][1].append(joint)
    last = None if _goes_on(expression, form) else _side(*sides[-1], form)
    if len(sides) > 1 and last:
        return last
    if _is_cut(expression, form) or (len(sides) == 1 and not last):
        return None
    first = _side(*sides[0], form)
    return _signed(expression, first) if first else None


def expression_value(expression: Expression, form: NumberFormat) -> Fraction | None:
    """The value of an expression, also of a calculation; None: unread, or its sides differ."""
    if "=" not in expression.text and (quantity := read_expression(expression, form)):
        return quantity.value
    values = {calculate(side, form) for side in expression.text.split("=")}
    return values.pop() if len(values) == 1 else None


def _rounded(expression: Expression, form: NumberFormat) -> Quantity | None:
    """The quantity of `14/3 ~ 4.67`, if its second side is the first one rounded."""
    exact, last = re.split("[~=]", expression.text)[0], expression.numbers[-1]
    is_calculation = re.search(r"\d\s?[-+*/÷x]\s?\d", exact)
    if not is_calculation or _is_cut(expression, form) or _goes_on(expression, form):
        return None
    value, rounded = calculate(exact, form), _side([last], [], form)
    if value is None or rounded is None or rounded.kind != "number":
        return None
    decimals = len(last["digits"].partition("," if form.decimal_comma else ".")[2])
    if abs(value - rounded.value) > Fraction(1, 2 * 10**decimals):
        return None
    return Quantity("number", value, expression.text, rounded.unit, rounded.value)


def _signed(expression: Expression, quantity: Quantity) -> Quantity:
    """The quantity with a minus that stands apart: `x = - 5`."""
    if not re.search(r"[=:(\[,]\s*-\s$", expression.before):
        return quantity
    return Quantity(quantity.kind, -quantity.value, f"-{quantity.text}", quantity.unit)


def _side(numbers: list[re.Match[str]], joints: list[str], form: NumberFormat) -> Quantity | None:
    """The quantity of numbers that one expression joins."""
    first, last = numbers[0], numbers[-1]
    odd = [n for n in numbers[1:] if n["currency"] or n["sign"] == "–"]
    odd += [n for n in numbers[:-1] if n["unit"] or n["magnitude"]]
    odd += [n for n in numbers if UNREAD in n["digits"]]
    odd += [n for joint, n in zip(joints, numbers[1:], strict=True) if re.match(r"[,;]\s", joint)]
    signs = [n["sign"] or n["second_sign"] or "" for n in numbers]
    decade = last["unit"] == "s" and re.fullmatch(r"\d{3}0", last["digits"])
    if odd or decade or (first["sign"] and first["second_sign"]) or " : " in joints:
        return None
    parts = [signs[0].replace("–", "-").replace("+", "") + first["digits"]]
    for joint, number, sign in zip(joints, numbers[1:], signs[1:], strict=True):
        bare = joint.strip("{}") if "^" in joint else joint
        parts += [bare.strip() or " ", sign, number["digits"]]
    expression = re.sub(r" (?=\d{3}(?:\D|$))", "'" if len(numbers) > 1 else " ", "".join(parts))
    expression = expression if re.search(r"^\S\d{0,3}('\d{3})+", expression) else "".join(parts)
    unit, magnitude = unit_of(last["unit"] or ""), last["magnitude"] or ""
    if first["currency"]:
        if unit == "m" and not magnitude:
            unit, magnitude = "", "M"  # $10m
        if unit and unit not in CURRENCIES:
            return None
        unit = unit or unit_of(first["currency"])
    quantity = read_quantity(expression, unit, form)
    return _magnified(quantity, magnitude, form) if quantity else None


def _magnified(quantity: Quantity, magnitude: str, form: NumberFormat) -> Quantity | None:
    """A number times its magnitude: `3 million`, and `3M` where the format reads it."""
    bare = magnitude.strip(" -")
    if not bare:
        return quantity
    if quantity.kind != "number":
        return None
    if bare in SUFFIXES:
        exponent = SUFFIXES[bare] if form.magnitudes else None
    else:
        exponent = exponent_of(bare)
    if exponent is None:
        return None
    text = f"{quantity.text}{magnitude}"
    return Quantity("number", quantity.value * 10**exponent, text, quantity.unit)


def _is_cut(expression: Expression, form: NumberFormat) -> bool:
    """True if what stands before the expression changes its meaning."""
    before, after = expression.before, expression.source[expression.end : expression.end + 1]
    digits = expression.numbers[0]["digits"]
    if before.endswith(("(", "[", "{")) and "," in digits and after in (")", "]", "}"):
        return True  # (1,234) may be two numbers
    if before.endswith("|") and expression.numbers[0]["sign"] and after == "|":
        return True
    if re.search(r"(?:^|\n)[ ]*-[ ]$", before) and re.match(
        r"\s*$", expression.after, re.MULTILINE
    ):
        return True  # a bullet or a minus
    if re.search(r"[$€£¥]\s?\($|(?:^|\s),$", before):
        return True  # a negative amount of bookkeeping, a decimal comma
    bare = re.sub(r"\s*[*_`\"'$]+\s*$", " ", before)
    if _bounds.is_approximate(bare):
        return not form.approximate
    return _bounds.is_bounded(bare) or bool(_WORD_NUMBER.search(bare) or _OPERAND.search(before))


def _goes_on(expression: Expression, form: NumberFormat) -> bool:
    """True if what stands behind the expression changes its meaning."""
    if re.match(r"\.{3}|…", expression.after) and "." in expression.numbers[-1]["digits"]:
        return not form.approximate
    if _bounds.is_approximate_behind(expression.after):
        return not form.approximate
    unit = (expression.numbers[-1]["unit"] or "").strip()
    if unit in ("m", "mm") and _COUNTED.match(expression.after):
        return True
    if not unit and not expression.numbers[0]["currency"] and expression.after.startswith("!"):
        return not _bounds.is_emphasized(expression.before, expression.after)
    return _bounds.goes_beyond(expression.after) or bool(_GOES_ON.match(expression.after))
