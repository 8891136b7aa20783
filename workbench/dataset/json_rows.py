"""JSON as rows: one object a line (JSONL), or one document.

    {"id": 17, "text": "A fun ride.", "label": "positive"}

Stricter than the `json` module: no duplicate keys, no NaN or Infinity, no number that overflows.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.canonical import JSON
from workbench.dataset.columns import yaml_list
from workbench.dataset.json_document import NO_LIST, NO_LIST_FIX, find_rows
from workbench.dataset.selected_columns import ColumnSelection
from workbench.dataset.text_files import TextFile
from workbench.document import InvalidValueError
from workbench.errors import WorkbenchError

MAX_DEPTH = 100
MAX_DIGITS = 308  # a double ends at 1.8e308; few other programs read more
_BLANK = " \t\r\n"


def read_jsonl(
    file: TextFile, selection: ColumnSelection
) -> Iterator[tuple[int, Mapping[str, JSON]]]:
    """The objects of a JSONL file with their line numbers; blank lines are skipped.

    Raises:
        WorkbenchError: with file, line and, for a syntax error, column.
    """
    parser = _Parser(file.name, selection)
    for number, line in file.lines():
        if text := line.rstrip(_BLANK):
            where = f"{file.name}:{number}"
            yield number, parser.check_row(parser.parse(text, where, number), where)


def read_json(
    file: TextFile, selection: ColumnSelection, split: str | None
) -> Iterator[tuple[int, Mapping[str, JSON]]]:
    """The rows of a file that is one JSON value, numbered from 1.

    Raises:
        WorkbenchError: with file and line of a syntax error, or the number of a bad row.
    """
    name, parser = file.name, _Parser(file.name, selection)
    text = "".join(line for _, line in file.lines()).rstrip(_BLANK)
    rows = find_rows(parser.parse(text, name, 1), name, split) if text else []
    for number, row in enumerate(rows, 1):
        yield number, parser.check_row(row, f"{name} row {number}")


class _Parser:
    """Parses the text of one file, and checks its rows."""

    def __init__(self, name: str, selection: ColumnSelection) -> None:
        self._name = name
        self._selection = selection
        self._unreadable: list[_NoNumber] = []
        self._has_escapes = False
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_unique_keys,
            parse_constant=self._parse_constant,
            parse_float=self._parse_float,
            parse_int=self._parse_int,
        )

    def parse(self, text: str, where: str, first_line: int) -> JSON:
        """The value that is written in `text`."""
        self._unreadable.clear()
        self._has_escapes = "\\u" in text
        try:
            if text[0] in "{[":  # faster than `decode`, which looks for white space around it
                value, end = self._decoder.raw_decode(text)
                if end == len(text):
                    return value
            return self._decoder.decode(text)
        except InvalidValueError as invalid:
            raise WorkbenchError(str(invalid), where=where, fix=invalid.fix) from invalid
        except json.JSONDecodeError as json_error:
            if json_error.msg == "Extra data" and re.match(r"\s*{", text) and "\n" in text:
                raise WorkbenchError(NO_LIST, where=f"{self._name}:1", fix=NO_LIST_FIX) from None
            error = _trailing_comma(json_error, text) or json_error
            near = text[max(0, error.pos - 20) : error.pos + 20].rstrip(_BLANK)
            message = f"bad JSON: {error.msg[:1].lower()}{error.msg[1:]}, near {near!r}"
            position = f"{self._name}:{first_line + error.lineno - 1}:{error.colno}"
            raise WorkbenchError(message, where=position, fix=_fix(error, text)) from json_error
        except RecursionError:
            raise _too_deep(where) from None

    def check_row(self, row: JSON, where: str) -> Mapping[str, JSON]:
        """The columns of a row that are read, as JSON."""
        if not isinstance(row, dict):
            fix = "write one JSON object a line; name a file that is one list of objects .json"
            message = f"{_shorten(json.dumps(row, default=str))} is not an object"
            raise WorkbenchError(message, where=where, fix=fix)
        values = self._selection.select(row)
        if _exceeds(values, MAX_DEPTH):
            raise _too_deep(where)
        if self._unreadable:
            self._refuse_numbers(values, where)
        if self._has_escapes:
            try:
                json.dumps(values, ensure_ascii=False).encode("utf-8")
            except UnicodeEncodeError as error:
                message = f"{error.object[error.start]!r} is half a character"
                fix = r"write the character itself, or both halves of its \u escape"
                raise WorkbenchError(message, where=where, fix=fix) from error
        return values

    def _refuse_numbers(self, row: Mapping[str, JSON], where: str) -> None:
        inputs = row.get("inputs")
        nested = inputs if isinstance(inputs, dict) else {}
        for column, value in (*nested.items(), *row.items()):
            for number in self._unreadable:
                if _holds(value, number):
                    message, fix = f"column {column!r}: {number.problem}", number.fix
                    fix += f", or leave the column out: `drop: {yaml_list([column])}`"
                    raise WorkbenchError(message, where=where, fix=fix)

    def _parse_constant(self, word: str) -> "_NoNumber":
        return self._note(f"{word} is not JSON", "write null for a missing number")

    def _parse_float(self, text: str) -> JSON:
        value = float(text)
        return self._too_large(text) if math.isinf(value) else value

    def _parse_int(self, text: str) -> JSON:
        return self._too_large(text) if len(text) > MAX_DIGITS else int(text)

    def _too_large(self, text: str) -> "_NoNumber":
        return self._note(f"the number {_shorten(text)} is too large", "write it as a string")

    def _note(self, problem: str, fix: str) -> "_NoNumber":
        number = _NoNumber(problem, fix)
        self._unreadable.append(number)
        return number


@dataclass(frozen=True, eq=False)
class _NoNumber:
    """A number that JSON doesn't have; refused in a column that is read."""

    problem: str
    fix: str


def _holds(value: JSON, number: _NoNumber) -> bool:
    if isinstance(value, dict | list):
        entries = value.values() if isinstance(value, dict) else value
        return any(_holds(entry, number) for entry in entries)
    return value is number


def _fix(error: json.JSONDecodeError, text: str) -> str:
    if error.msg == "Extra data" and text[error.pos :] == ",":
        return "remove the comma at the end of each line"
    if text in ("{", "["):
        return "write each object on one line, or name a file that is one JSON document .json"
    if text.startswith("[") and "\n" not in text:
        return "name a file that is one list of objects .json"
    return "put names and strings in double quotes, and a comma between two values"


def _trailing_comma(error: json.JSONDecodeError, text: str) -> json.JSONDecodeError | None:
    """The error that Python 3.13 raises for a comma before `]` or `}`; None for another one."""
    before = text[: error.pos].rstrip(_BLANK)
    if before.endswith(",") and text[error.pos : error.pos + 1] in ("]", "}"):
        return json.JSONDecodeError("trailing comma", text, len(before) - 1)
    if error.msg.startswith("Illegal trailing comma"):
        return json.JSONDecodeError("trailing comma", text, error.pos)
    return None


def _exceeds(value: Mapping[str, JSON] | list[JSON], levels: int) -> bool:
    entries = value if isinstance(value, list) else value.values()
    nested = [entry for entry in entries if isinstance(entry, dict | list)]
    return levels == 0 or any(_exceeds(entry, levels - 1) for entry in nested)


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


def _shorten(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:30]}… ({len(text):,} characters)"
