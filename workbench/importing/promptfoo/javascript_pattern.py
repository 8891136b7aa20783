r"""Regular expressions of JavaScript, rewritten for the package `regex`.

>>> python_pattern(r"^\d+$")
'\\A[0-9]+\\Z'
"""

import re
from collections.abc import Iterator

import regex

WORD = "A-Za-z0-9_"
SPACE = r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
LINE_END = r"\n\r\u2028\u2029"
NEGATED_SPACE = r"\x00-\x08\x0e-\x1f!-\u009f\u00a1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e"
NEGATED_SPACE += r"\u2030-\u205e\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff"
CLASSES = {"d": "0-9", "w": WORD, "s": SPACE}
NEGATED = {
    "D": r"\x00-/:-\U0010ffff",
    "W": r"\x00-/:-@\[-\^`\{-\U0010ffff",
    "S": NEGATED_SPACE,
}
BOUNDARY = rf"(?:(?<=[{WORD}])(?![{WORD}])|(?<![{WORD}])(?=[{WORD}]))"
NO_BOUNDARY = rf"(?:(?<=[{WORD}])(?=[{WORD}])|(?<![{WORD}])(?![{WORD}]))"
CONTROLS = {"n": r"\n", "r": r"\r", "t": r"\t", "f": r"\x0c", "v": r"\x0b", "0": r"\x00"}
TOKEN = re.compile(
    r"""
    \\u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})
    | \\u(?P<unit>[0-9a-fA-F]{4}) | \\x(?P<byte>[0-9a-fA-F]{2}) | \\c(?P<control>[A-Za-z])
    | \\k<(?P<name>[A-Za-z_$][\w$]*)> | \\(?P<reference>[1-9][0-9]?) | \\(?P<escaped>.)
    | (?P<group>\((?:\?(?:[:=!]|<[=!]|<[A-Za-z_$][\w$]*>|.?))?)
    | (?P<any_class>\[\^\]) | (?P<no_class>\[\])
    | (?P<begin>\[\^?) | (?P<quantifier>\{[0-9]+(?:,[0-9]*)?\}) | (?P<plain>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class PatternFaultError(ValueError):
    """A pattern that JavaScript refuses, or that has no form in Python."""


def python_pattern(pattern: str) -> str:
    """The pattern with the meaning that JavaScript gives it, without flags.

    Raises:
        PatternFaultError: JavaScript refuses it, or it has no form in Python.
    """
    translated = "".join(_parts(pattern))
    try:
        regex.compile(translated, regex.VERSION0)
    except (regex.error, OverflowError, RecursionError) as error:
        raise PatternFaultError(str(error)) from error
    return translated


def _parts(pattern: str) -> Iterator[str]:
    position, groups = 0, len(re.findall(r"(?<!\\)\((?!\?[^<]|\?<[=!])", pattern))
    in_class = False
    while position < len(pattern):
        token = TOKEN.match(pattern, position)
        if token is None or token["plain"] == "\\":
            raise PatternFaultError("\\ at the end of the pattern")
        if (in_class and token["group"]) or (in_class and (token["begin"] or token["quantifier"])):
            position += 1
            yield re.escape(pattern[position - 1])
            continue
        if in_class and (token["any_class"] or token["no_class"]):
            position += 1
            yield r"\["
            continue
        is_repeat = token["quantifier"] or token["plain"] in ("*", "+", "?")
        if not in_class and is_repeat and pattern[token.end() : token.end() + 1] == "+":
            raise PatternFaultError("nothing to repeat")
        position = token.end()
        if token["begin"]:
            in_class = True
            yield token["begin"]
        elif in_class and token["plain"] == "]":
            in_class = False
            yield "]"
        else:
            yield _in_class(token) if in_class else _outside(token, groups)
    if in_class:
        raise PatternFaultError("[ is not closed")


def _character(token: re.Match[str]) -> str | None:
    """The escape of a single character; None: the token is no such escape."""
    if token["high"]:
        code = 0x10000 + ((int(token["high"], 16) & 0x3FF) << 10) + (int(token["low"], 16) & 0x3FF)
        return f"\\U{code:08x}"
    if token["unit"]:
        return f"\\u{token['unit']}"
    if token["byte"]:
        return f"\\x{token['byte']}"
    if token["control"]:
        return f"\\x{ord(token['control']) % 32:02x}"
    if token["escaped"] in CONTROLS:
        return CONTROLS[token["escaped"]]
    return None


def _in_class(token: re.Match[str]) -> str:
    if (character := _character(token)) is not None:
        return character
    escaped = token["escaped"]
    if escaped == "b":
        return r"\x08"
    if escaped in CLASSES or escaped in NEGATED:
        return CLASSES.get(escaped) or NEGATED[escaped]
    if token["reference"]:
        return f"\\x{int(token['reference'], 8):02x}" if token["reference"] < "8" else "8"
    if token["name"]:
        return re.escape(f"k<{token['name']}>")
    text = escaped or token["plain"]
    return (
        text if (text == "-" and not escaped) or (text == "^" and not escaped) else re.escape(text)
    )


def _outside(token: re.Match[str], groups: int) -> str:
    if (character := _character(token)) is not None:
        return character
    if escaped := token["escaped"]:
        if escaped in CLASSES:
            return f"[{CLASSES[escaped]}]"
        if escaped in NEGATED:
            return f"[{NEGATED[escaped]}]"
        return {"b": BOUNDARY, "B": NO_BOUNDARY}.get(escaped) or re.escape(escaped)
    if token["name"]:
        return f"(?P={token['name']})"
    if token["reference"]:
        number = token["reference"]
        return f"(?:\\{number})" if int(number) <= groups else re.escape(chr(int(number, 8)))
    if token["any_class"]:
        return "(?s:.)"
    if token["no_class"]:
        return "(?!)"
    if group := token["group"]:
        return _group(group)
    if token["quantifier"]:
        return token["quantifier"]
    signs = {".": f"[^{LINE_END}]", "^": r"\A", "$": r"\Z", "{": r"\{", "}": r"\}", "]": r"\]"}
    plain = token["plain"]
    return signs.get(plain) or (plain if plain in "*+?|)" else re.escape(plain))


def _group(opening: str) -> str:
    if opening in ("(", "(?:", "(?=", "(?!", "(?<=", "(?<!"):
        return opening
    if opening.startswith("(?<") and opening.endswith(">"):
        return f"(?P<{opening[3:]}"
    raise PatternFaultError(f"{opening} begins no group in JavaScript")
