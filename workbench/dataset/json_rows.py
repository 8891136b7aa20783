"""JSON as rows: one object a line (JSONL), or one list of objects.

    {"id": 17, "text": "A fun ride.", "label": "positive"}

Stricter than the `json` module: no duplicate keys, no NaN or Infinity, no number that overflows.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from workbench.canonical import JSON
from workbench.dataset.text_files import lines
from workbench.errors import WorkbenchError

MAX_DEPTH = 100
_BLANK = " \t\r\n"
_SPACE = re.compile(r"[ \t\r\n]*")
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def read_jsonl(path: Path, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The objects of a JSONL file with their line numbers; blank lines are skipped.

    Raises:
        WorkbenchError: with file, line and, for bad syntax, column.
    """
    for number, line in lines(path, name):
        line = line.rstrip(_BLANK)
        if line:
            value, end = _decode(line, _after_space(line, 0), name, number)
            if end != len(line):
                raise _bad_syntax("more after the object", line, end, f"{name}:{number}")
            yield number, _object(value, f"{name}:{number}")


def read_json(path: Path, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The objects of a file that is one JSON list, each with the line it begins on."""
    text = "".join(line for _, line in lines(path, name))
    at = _after_space(text, 0)
    if at == len(text):
        return
    if text[at] != "[":
        fix = "one object a line belongs in a .jsonl file; in a .json file put [ ] around them"
        raise WorkbenchError("is not a list of objects", where=f"{name}:1", fix=fix)
    number, counted, at = 1, 0, _after_space(text, at + 1)
    more = text[at : at + 1] != "]"
    while more:
        number, counted = number + text.count("\n", counted, at), at
        value, end = _decode(text, at, name, number)
        yield number, _object(value, f"{name}:{number}")
        at = _after_space(text, end)
        more = text[at : at + 1] == ","
        at = _after_space(text, at + 1) if more else at
    number += text.count("\n", counted, at)
    if text[at : at + 1] != "]":
        raise _bad_syntax("expecting ',' or ']'", text, at, f"{name}:{number}")
    if _after_space(text, at + 1) != len(text):
        raise _bad_syntax("more after the list", text, at + 1, f"{name}:{number}")


class _RefusedError(ValueError):
    """JSON that parses and is no data all the same; `fix` says what would be."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


_AS_TEXT = "write it as text, in double quotes"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise _RefusedError(f"key {twice!r} appears twice in one object", "keep one")
    return found


def _no_constant(word: str) -> NoReturn:
    raise _RefusedError(f"{word} is not JSON", "write null for a missing number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _RefusedError(f"the number {_short(text)} is too large", _AS_TEXT)
    return value


def _whole(text: str) -> int:
    if len(text) > 308:  # a double ends at 1.8e308; few other programs go further
        raise _RefusedError(f"the number {_short(text)} is too large", _AS_TEXT)
    return int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_whole
)


def _decode(text: str, at: int, name: str, number: int) -> tuple[JSON, int]:
    """The value that begins at `at`, which is on line `number`, and where it ends."""
    place = f"{name}:{number}"
    try:
        value, end = _DECODER.raw_decode(text, at)
    except _RefusedError as error:
        raise WorkbenchError(str(error), where=place, fix=error.fix) from error
    except json.JSONDecodeError as error:
        line = number + text.count("\n", at, error.pos)
        raise _bad_syntax(error.msg, text, error.pos, f"{name}:{line}") from error
    except RecursionError:
        raise _too_deep(place) from None
    if text.count("[", at, end) + text.count("{", at, end) > MAX_DEPTH:
        _check_depth(text[at:end], place)
    if text.find("\\u", at, end) >= 0:
        _check_surrogates(value, place)
    return value, end


def _bad_syntax(what: str, text: str, at: int, place: str) -> WorkbenchError:
    column = at - text.rfind("\n", 0, at)
    near = text[max(0, at - 20) : at + 20].rstrip(_BLANK)
    what = what[:1].lower() + what[1:]
    fix = "names and texts stand in double quotes, with a comma between two"
    return WorkbenchError(f"bad JSON: {what}, near {near!r}", where=f"{place}:{column}", fix=fix)


def _check_depth(text: str, place: str) -> None:
    depth = 0
    for sign in _STRUCTURE.findall(text):
        depth += (sign in "[{") - (sign in "]}")
        if depth > MAX_DEPTH:
            raise _too_deep(place)


def _too_deep(place: str) -> WorkbenchError:
    fix = "write what lies deeper as text"
    return WorkbenchError(f"nested deeper than {MAX_DEPTH} levels", where=place, fix=fix)


def _check_surrogates(value: JSON, place: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        fix = r"write the character itself, or both halves of its \u escape"
        raise WorkbenchError(f"{half!r} is half a character", where=place, fix=fix) from error


def _object(value: JSON, place: str) -> dict[str, JSON]:
    if isinstance(value, dict):
        return value
    kind = {list: "a list", str: "text", type(None): "null", bool: "true or false"}
    what = kind.get(type(value), "a number")
    fix = "one JSON object a line; a file that is one list of objects is named .json"
    shown = _short(json.dumps(value))
    raise WorkbenchError(f"{shown} is {what}, not an object", where=place, fix=fix)


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:30]}… ({len(text):,} characters)"
