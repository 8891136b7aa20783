"""JSON as rows: one object a line (JSONL), or one list of objects.

    {"id": 17, "text": "A fun ride.", "label": "positive"}

Stricter than the `json` module: no duplicate keys, no NaN or Infinity, no number that overflows.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from workbench.canonical import JSON
from workbench.dataset.text_files import lines
from workbench.document import InvalidValueError
from workbench.errors import WorkbenchError

MAX_DEPTH = 100
MAX_DIGITS = 308  # a double ends at 1.8e308; few other programs read more
_BLANK = " \t\r\n"


def read_jsonl(path: Path, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The objects of a JSONL file with their line numbers; blank lines are skipped.

    Raises:
        WorkbenchError: with file, line and, for a syntax error, column.
    """
    for number, line in lines(path, name):
        text = line.rstrip(_BLANK)
        if text:
            where = f"{name}:{number}"
            yield number, _check_row(_parse(text, name, where, number), where, "\\u" in text)


def read_json(path: Path, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The objects of a file that is one JSON list, numbered from 1.

    Raises:
        WorkbenchError: with file and line of a syntax error, or the number of a bad row.
    """
    text = "".join(line for _, line in lines(path, name)).rstrip(_BLANK)
    if text.lstrip(_BLANK)[:1] not in ("", "["):
        fix = "put [ ] around the objects, or name a file with one object a line .jsonl"
        raise WorkbenchError("is not a list of objects", where=f"{name}:1", fix=fix)
    for number, row in enumerate(_parse(text, name, name, 1) if text else [], 1):
        yield number, _check_row(row, f"{name} row {number}", "\\u" in text)


def _parse(text: str, name: str, where: str, first_line: int) -> JSON:
    try:
        return _DECODER.decode(text)
    except InvalidValueError as invalid:
        raise WorkbenchError(str(invalid), where=where, fix=invalid.fix) from invalid
    except json.JSONDecodeError as json_error:
        error = _trailing_comma(json_error, text) or json_error
        near = text[max(0, error.pos - 20) : error.pos + 20].rstrip(_BLANK)
        message = f"bad JSON: {error.msg[:1].lower()}{error.msg[1:]}, near {near!r}"
        position = f"{name}:{first_line + error.lineno - 1}:{error.colno}"
        fix = "put names and strings in double quotes, and a comma between two values"
        raise WorkbenchError(message, where=position, fix=fix) from json_error
    except RecursionError:
        raise _too_deep(where) from None


def _trailing_comma(error: json.JSONDecodeError, text: str) -> json.JSONDecodeError | None:
    """The error that Python 3.13 raises for a comma before `]` or `}`; None for another one."""
    before = text[: error.pos].rstrip(_BLANK)
    if before.endswith(",") and text[error.pos : error.pos + 1] in ("]", "}"):
        return json.JSONDecodeError("trailing comma", text, len(before) - 1)
    if error.msg.startswith("Illegal trailing comma"):
        return json.JSONDecodeError("trailing comma", text, error.pos)
    return None


def _check_row(row: JSON, where: str, check_characters: bool) -> dict[str, JSON]:
    if not isinstance(row, dict):
        fix = "write one JSON object a line; name a file that is one list of objects .json"
        message = f"{_shorten(json.dumps(row))} is not an object"
        raise WorkbenchError(message, where=where, fix=fix)
    if _exceeds(row, MAX_DEPTH):
        raise _too_deep(where)
    if check_characters:
        try:
            json.dumps(row, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            message = f"{error.object[error.start]!r} is half a character"
            fix = r"write the character itself, or both halves of its \u escape"
            raise WorkbenchError(message, where=where, fix=fix) from error
    return row


def _exceeds(value: JSON, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    entries = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_exceeds(entry, levels - 1) for entry in entries)


def _too_deep(where: str) -> WorkbenchError:
    fix = "write the inner levels as a string"
    return WorkbenchError(f"nested deeper than {MAX_DEPTH} levels", where=where, fix=fix)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise InvalidValueError(f"duplicate key {twice!r} in one object", fix="keep one")
    return row


def _refuse_constant(word: str) -> NoReturn:
    raise InvalidValueError(f"{word} is not JSON", fix="write null for a missing number")


def _parse_float(text: str) -> float:
    if math.isinf(value := float(text)):
        raise _too_large(text)
    return value


def _parse_int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _too_large(text)
    return int(text)


def _too_large(text: str) -> InvalidValueError:
    message = f"the number {_shorten(text)} is too large"
    return InvalidValueError(message, fix="write it as a string")


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:30]}… ({len(text):,} characters)"


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys,
    parse_constant=_refuse_constant,
    parse_float=_parse_float,
    parse_int=_parse_int,
)
