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

from workbench.evaluators._number_text import UNREAD, plain_mathematics
from workbench.evaluators._quantity import NumberFormat, Quantity, read_quantity
from workbench.evaluators._units import (
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
    r"and|or|to|through|minus|out of|divided by|multiplied by|for every|to the(?: power(?: of)?)?|"
    r"plus or minus|raised to|squared plus|and then|or even"
)
_OPERATOR = r"(?:\*\*|<=|>=|!=|//|\.{2,3}|[-+*/÷^=:<>~±x–—…&@,∈])"
_JOINT = re.compile(
    rf"(?:{_SIGN}{{0,3}}[ ]{_OPERATOR}[ ]?(?:{_SIGN}(?<![-+]))?"
    rf"|[)\]}}'\"]?[-+*/÷^=<>~±–—][ ](?:{_SIGN}(?<![-+]))?"
    rf"|,?{_SIGN}?[ ](?:{_WORDS})[ ](?:about |the |a |an )?{_SIGN}{{0,2}}?"
    rf"|[^\s\w|,;.:!?]?[ ](?!{_APART}[ ])[^\W\d_]{{1,7}}\.?[ ]{_SIGN}{{0,2}}?"
    r"|\.?[ ](?:del? |di |of )?[^\W\d_]{3,10}\.?(?: del?| di)?[ ](?=\d{4}\b)"  # 1 de mayo de 2023
    rf"|[,;][ ]{_SIGN}?"
    rf"|{_SIGN}{{1,6}}?"
    rf"|{_SIGN}{{0,2}}?(?:[{_LETTER}]{{1,6}}|[{_CJK}]{{1,2}}){_SIGN}{{0,2}}?"
    rf"|(?:,| or| and)[ ][{_LETTER}][ ]?=[ ]?|(?<=[^\s\d])|_\{{?|[ ]+)"
    rf"(?={_NUMBER.pattern.replace('?P<', '?P<ahead_')})"
)
_BEFORE_YEAR = re.compile(
    r"\b(?:in|by|since|at|on|from|after|before|until|during|of|for|with|case|step|question|example|"
    r"day|week|month|year|chapter|page|table|figure|section|round|level|part|row|line)\s+$",
    re.IGNORECASE,
)
_COMPARED = re.compile(r"(?:(?<![=-])>|<|>=|<=|!=|±)\s?$|(?:>|<)=\s?$")
_ABOUT = re.compile(
    r"(?:~\s?|(?:[约約약]|およそ)\s?|\b(?:about|approximately|approx\.?|around|roughly|nearly|almost|circa|"
    r"ca\.?|close to|etwa|ungefähr|environ|unos|unas|aproximadamente|ongeveer|около|примерно)"
    r"\s+(?:the\s+)?)$",
    re.IGNORECASE,
)
_OTHER_BOUNDS = (
    r"mindestens|höchstens|(?:mehr|weniger) als|nicht|au (?:moins|plus)|(?:plus|moins) de|pas|"
    r"(?:más|menos|mais) de|al menos|pelo menos|no es|não é|almeno|(?:più|meno) di|non è|"
    r"не|(?:не )?(?:более|менее|больше|меньше)"
)
_BOUNDED = re.compile(
    r"\b(?:at (?:the )?(?:least|most)|(?:more|less|fewer|greater|larger|smaller|bigger|higher|"
    r"lower) than(?: or equal to)?|over|under|above|below|up to|beyond|within|exceed(?:s|ing)?|"
    r"(?:minimum|maximum|square|cube|root|reciprocal|inverse|opposite|multiple|power|factorial|"
    r"logarithm|log|negative|half|thirds?|quarters?|tenths?) of|max\.?|min\.?|times|thrice|"
    r"(?:all|anything|everything) but|rather than|instead of|unlike|"
    r"(?:half|quarter) (?:past|to|after|before)|never|cannot be|between|half|twice|double|"
    r"minus|negative|plus|log|ln|sin|cos|tan|sqrt|except|excluding|other than|"
    rf"{_OTHER_BOUNDS})\s+(?:an?\s+|the\s+)?$|(?:\bnot|n't)(?:\s+[a-z]+){{0,2}}\s+$|"
    r"(?:至少|最多|最少|超[过過]|不[到足是]|[大小][于於]|少なくとも|최소|최대)\s?$",
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
    rf"[{_LETTER}\^_]|[+!](?=\s|$)(?<!!)|\((?=[\w-])|/[{_LETTER}]{{1,2}}(?![{_LETTER}])|-[{_LETTER}]|"
    rf"[ ]?{UNREAD}|[割成折多\u0300-\u036f]|[時时点點分]半|"
    r"[個个人]?(?:以[上下]|未[満满]|左右)|\s?(?:이상|이하|미만)|"
    r"\s+(?:(?:oder|ou|o|или)\s+(?:mehr|weniger|plus|moins|más|menos|mais|più|более|менее)|max|"
    r"maximum|minimum|(?:is|was|would\s+be)\s+(?:not|wrong|incorrect))\b|"
    r"[ ](?:[*/^+÷=]|[<>]=?|!=)[ ][\w(\ue000]|[ ]?-[ ]?[A-Za-z]\b|"
    r"\s+(?:or|and)\s+(?:more|less|fewer|higher|lower|greater|so|above|below|up|over|under|beyond|"
    r"a\s+half|a\s+quarter|one\s+half|three\s+quarters|older|younger|longer|later|earlier)\b|"
    r"\s+(?:dozen|scores?\s+of|gross\b|pairs?\s+of|at\s+(?:least|most)|plus\b(?!\s)|point\s+\w|"
    r"squared|cubed|factorial|or\s+thereabouts|below\b|BCE?\b|(?:plus|minus|times|over)\s+[a-z]\b)",
    re.IGNORECASE,
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
            following = _NUMBER.match(text, joint.end())
            assert following
            numbers.append(following)
            joints.append(joint[0])
        yield Expression(text, numbers, joints)
        position = numbers[-1].end()
        if len(numbers) > MOST_NUMBERS:
            position = (text.find("\n", position) + 1) or len(text)


def last_expression(text: str) -> Expression | None:
    """The last numeric expression of `prepare`'s text; none goes on in another line."""
    last_digit = max(text.rfind(digit) for digit in f"0123456789{UNREAD}")
    *_, expression = [None, *find_expressions(text, text.rfind("\n", 0, last_digit + 1) + 1)]
    return expression


def read_expression(expression: Expression, form: NumberFormat) -> Quantity | None:
    """The quantity of an expression; of an equation, its last side, or else its first."""
    if len(expression.numbers) > MOST_NUMBERS:
        return None
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
    unit = unit_of(last["unit"] or "") or (unit_of(first["currency"]) if first["currency"] else "")
    quantity = read_quantity(expression, unit, form)
    return _magnified(quantity, last["magnitude"] or "", form) if quantity else None


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
    if re.search(r"[$€£¥]\s?\($", before):
        return True  # a negative amount of bookkeeping
    bare = re.sub(r"\s*[*_`\"'$]+\s*$", " ", before)
    if _ABOUT.search(bare):
        return not form.approximate
    patterns = (_COMPARED, _BOUNDED, _WORD_NUMBER)
    return any(pattern.search(bare) for pattern in patterns) or bool(_OPERAND.search(before))


def _goes_on(expression: Expression, form: NumberFormat) -> bool:
    """True if what stands behind the expression changes its meaning."""
    if re.match(r"\.{3}|…", expression.after) and "." in expression.numbers[-1]["digits"]:
        return not form.approximate
    return bool(_GOES_ON.match(expression.after))
