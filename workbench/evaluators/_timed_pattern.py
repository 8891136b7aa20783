r"""Regular expressions of Python's `re`, matched under a time limit.

`re` can't be interrupted, so the package `regex` matches. It reads some patterns in another way
(`[[:alpha:]]`, `a{e}`, `\w` and `\b` beside combining marks); therefore `re` parses the pattern,
and each part is rewritten so that it means the same to `regex`. Characters that are newer than
Python's Unicode tables may still be letters to `regex` alone.

>>> timed_pattern("(?i)a{e}").pattern
'(?i:a\\U0000007be\\U0000007d)'
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]  # no public parser exists
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

import regex

TIME_LIMIT_S = 1.0
PatternError = (re.error, regex.error, TypeError, OverflowError, RecursionError)

Node = tuple[Any, Any]  # an operation of `re`'s parser and its argument

_WORD = r"\p{L}\p{N}_"
_OTHER = r"\p{M}\p{S}\p{Z}\p{C}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}"  # all but _WORD, with:
_OTHER += r"\u203f\u2040\u2054\ufe33\ufe34\ufe4d-\ufe4f\uff3f"
# `\x1c` to `\x1f` are spaces to `re` alone
_VISIBLE = r"\x00-\x08\x0e-\x1b!-\x84\x86-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e"
_VISIBLE += r"\u2030-\u205e\u2060-\u2fff\u3001-\U0010ffff"
_ASCII_WORD = "a-zA-Z0-9_"
_DOTS = "iIıİ"  # equal to `re` where case is ignored
_CLASSES = {
    sre.CATEGORY_DIGIT: r"\p{Nd}",
    sre.CATEGORY_NOT_DIGIT: r"\P{Nd}",
    sre.CATEGORY_SPACE: r"\s\x1c-\x1f",
    sre.CATEGORY_NOT_SPACE: _VISIBLE,
    sre.CATEGORY_WORD: _WORD,
    sre.CATEGORY_NOT_WORD: _OTHER,
}
_ASCII_CLASSES = {
    sre.CATEGORY_DIGIT: "0-9",
    sre.CATEGORY_NOT_DIGIT: r"\x00-/:-\U0010ffff",
    sre.CATEGORY_SPACE: r"\t-\r\x20",
    sre.CATEGORY_NOT_SPACE: r"\x00-\x08\x0e-\x1f!-\U0010ffff",
    sre.CATEGORY_WORD: _ASCII_WORD,
    sre.CATEGORY_NOT_WORD: r"\x00-/:-@\[-\^`\{-\U0010ffff",
}
_REPEATS = {sre.MAX_REPEAT: "", sre.MIN_REPEAT: "?", sre.POSSESSIVE_REPEAT: "+"}
_LOOKS = {
    (sre.ASSERT, 1): "?=",
    (sre.ASSERT, -1): "?<=",
    (sre.ASSERT_NOT, 1): "?!",
    (sre.ASSERT_NOT, -1): "?<!",
}


@lru_cache(maxsize=256)
def timed_pattern(pattern: str, *, ignore_case: bool = False) -> Any:
    """The pattern, compiled by `regex` with the meaning that it has in `re`.

    Raises:
        PatternError: it is not a regular expression.
    """
    flags = re.IGNORECASE if ignore_case else 0
    re.compile(pattern, flags)
    tree = sre_parser.parse(pattern, flags)
    text = _Translation(tree.state.flags).sequence(tree)
    text = f"(?i:{text})" if tree.state.flags & re.IGNORECASE else text
    return regex.compile(text, regex.ASCII if tree.state.flags & re.ASCII else 0)


def timed_search(
    pattern: str, text: str, *, ignore_case: bool = False, full: bool = False
) -> tuple[int, int] | None:
    """The span of the first match in the text, or with `full` of all of it; None: no match.

    Raises:
        TimeoutError: it takes longer than `TIME_LIMIT_S`.
    """
    expression = timed_pattern(pattern, ignore_case=ignore_case)
    method = expression.fullmatch if full else expression.search
    match = method(text, timeout=TIME_LIMIT_S)
    return match.span() if match else None


class _Translation:
    """Patterns for `regex`, from the trees of `re`'s parser; `flags` are those of the pattern."""

    def __init__(self, flags: int) -> None:
        self.flags = flags

    @property
    def folds(self) -> bool:
        """True if case is ignored in all scripts."""
        return bool(self.flags & re.IGNORECASE and not self.flags & re.ASCII)

    def sequence(self, nodes: Iterable[Node]) -> str:
        """All nodes, one behind the other."""
        return "".join(self.node(*node) for node in nodes)

    def node(self, operation: Any, argument: Any) -> str:
        """The pattern of one node."""
        if operation in _REPEATS:
            least, most, repeated = argument
            most = "" if most == sre.MAXREPEAT else most
            return f"(?:{self.sequence(repeated)}){{{least},{most}}}{_REPEATS[operation]}"
        if operation in (sre.ASSERT, sre.ASSERT_NOT):
            direction, condition = argument
            return f"({_LOOKS[operation, direction]}{self.sequence(condition)})"
        name = str(operation).lower()
        return str(getattr(self, f"_{name}")(argument))

    def _literal(self, code: int) -> str:
        letters = self._letters(code)
        return letters if letters == _character(code) else f"[{letters}]"

    def _not_literal(self, code: int) -> str:
        return f"[^{self._letters(code)}]"

    def _letters(self, code: int) -> str:
        """A character, with those that equal it for `re` but not for `regex`."""
        return _DOTS if self.folds and chr(code) in _DOTS else _character(code)

    def _any(self, _argument: None) -> str:
        return "(?s:.)" if self.flags & re.DOTALL else r"[^\n]"

    def _in(self, nodes: Iterable[Node]) -> str:
        return f"[{''.join(self._member(*node) for node in nodes)}]"

    def _member(self, operation: Any, argument: Any) -> str:
        """An entry of a set of characters."""
        if operation is sre.NEGATE:
            return "^"
        if operation is sre.RANGE:
            dots = any(argument[0] <= ord(dot) <= argument[1] for dot in "iI") and self.folds
            return "-".join(map(_character, argument)) + (_DOTS if dots else "")
        if operation is sre.CATEGORY:
            return (_ASCII_CLASSES if self.flags & re.ASCII else _CLASSES)[argument]
        return self._letters(argument)

    def _branch(self, argument: tuple[None, Iterable[Iterable[Node]]]) -> str:
        return f"(?:{'|'.join(map(self.sequence, argument[1]))})"

    def _subpattern(self, argument: tuple[int | None, int, int, Iterable[Node]]) -> str:
        group, added, removed, nodes = argument
        outer, self.flags = self.flags, (self.flags | added) & ~removed
        text = self.sequence(nodes)
        if (outer ^ self.flags) & re.IGNORECASE:
            text = f"(?{'i' if added & re.IGNORECASE else '-i'}:{text})"
        self.flags = outer
        return f"(?:{text})" if group is None else f"({text})"

    def _atomic_group(self, nodes: Iterable[Node]) -> str:
        return f"(?>{self.sequence(nodes)})"

    def _groupref(self, group: int) -> str:
        return rf"\g<{group}>"

    def _groupref_exists(self, argument: tuple[int, Iterable[Node], Iterable[Node] | None]) -> str:
        group, matched, otherwise = argument
        return f"(?({group}){self.sequence(matched)}|{self.sequence(otherwise or ())})"

    def _failure(self, _argument: object) -> str:
        return "(?!)"

    def _at(self, position: Any) -> str:
        """A position: the beginning, the end, or a word boundary."""
        word = f"[{_ASCII_WORD if self.flags & re.ASCII else _WORD}]"
        multiline = bool(self.flags & re.MULTILINE)
        return {
            sre.AT_BEGINNING: "(?m:^)" if multiline else r"\A",
            sre.AT_END: "(?m:$)" if multiline else r"(?=\n?\Z)",
            sre.AT_BEGINNING_STRING: r"\A",
            sre.AT_END_STRING: r"\Z",
            sre.AT_BOUNDARY: f"(?:(?<={word})(?!{word})|(?<!{word})(?={word}))",
            # in an empty text `re` finds neither
            sre.AT_NON_BOUNDARY: rf"(?:(?<={word})(?={word})|(?!\A\Z)(?<!{word})(?!{word}))",
        }[position]


def _character(code: int) -> str:
    character = chr(code)
    return character if character.isascii() and character.isalnum() else f"\\U{code:08x}"
