"""JSON of other tools: documents and lines, read within bounds and as our datasets take it.

>>> parser = ForeignParser("samples.jsonl")
>>> parser.parse('{"acc": NaN, "text": "a"}', 3), parser.unreadable_numbers
({'acc': None, 'text': 'a'}, 1)

NaN, infinite numbers and those with more than 300 digits are null; a lone surrogate is U+FFFD.
"""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, bytes_text

MAX_DEPTH = 90  # levels; a row of ours has at most 100
MAX_DIGITS = 300
MAX_DOCUMENT = 500_000_000  # bytes
MAX_LINE = 50_000_000  # characters
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')


class ForeignParser:
    """Parses the texts of one file.

    Attributes:
        unreadable_numbers: how many numbers became null.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.unreadable_numbers = 0
        self._decoder = json.JSONDecoder(
            parse_constant=self._null,
            parse_float=self._float,
            parse_int=self._int,
        )

    def parse(self, text: str, first_line: int) -> JSON:
        """The value written in `text`, which begins at this line of the file.

        Raises:
            WorkbenchError: it is no JSON, or nested too deeply.
        """
        try:
            value = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            where = f"{self.name}:{first_line + error.lineno - 1}:{error.colno}"
            fix = "write one JSON value, or one on each line in a .jsonl file"
            raise WorkbenchError(f"not JSON: {error.msg}", where=where, fix=fix) from error
        except RecursionError as error:
            raise self._too_deep(first_line) from error
        if _depth(text) > MAX_DEPTH:
            raise self._too_deep(first_line)
        return _without_surrogates(value) if "\\u" in text else value

    def _too_deep(self, line: int) -> WorkbenchError:
        message = f"nested more than {MAX_DEPTH} levels deep"
        return WorkbenchError(message, where=f"{self.name}:{line}", fix="flatten the data")

    def _null(self, _constant: str) -> None:
        self.unreadable_numbers += 1

    def _int(self, digits: str) -> int | None:
        if len(digits) > MAX_DIGITS:
            self.unreadable_numbers += 1
            return None
        return int(digits)

    def _float(self, digits: str) -> float | None:
        number = float(digits)
        if not math.isfinite(number):
            self.unreadable_numbers += 1
            return None
        return number


def _depth(text: str) -> int:
    """The deepest nesting of brackets, if there are enough of them to be too deep."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for bracket in _BRACKETS.finditer(text):
        sign = bracket[0]
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
    return deepest


def _without_surrogates(value: JSON) -> JSON:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    return value


def read_document_text(path: Path) -> str:
    """The text of a file, UTF-8 with or without a byte order mark.

    Raises:
        WorkbenchError: it can't be read, is no UTF-8, or is too large.
    """
    try:
        size = path.stat().st_size
        if size > MAX_DOCUMENT:
            message = f"{bytes_text(size)}, more than the {bytes_text(MAX_DOCUMENT)} that are read"
            raise WorkbenchError(message, where=path.name, fix="split the file")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        fix = "make it a readable file"
        message = f"can't be read: {error.strerror}"
        raise WorkbenchError(message, where=path.name, fix=fix) from error
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}"
        raise WorkbenchError(message, where=path.name, fix="save the file as UTF-8") from error


def read_json_lines(path: Path, parser: ForeignParser) -> Iterator[tuple[int, JSON]]:
    """The values of a file with one on each line, and their lines; blank lines are skipped.

    Raises:
        WorkbenchError: with the line that can't be read.
    """
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    message = f"longer than the {MAX_LINE:,} characters of a line"
                    raise WorkbenchError(
                        message, where=f"{path.name}:{number}", fix="write one row on each line"
                    )
                if line.strip():
                    yield number, parser.parse(line.rstrip("\r\n"), number)
    except OSError as error:
        fix = "make it a readable file"
        message = f"can't be read: {error.strerror}"
        raise WorkbenchError(message, where=path.name, fix=fix) from error
    except UnicodeDecodeError as error:
        where = f"{path.name}:{number + 1}"
        fix = "save the file as UTF-8"
        raise WorkbenchError("not UTF-8 from here on", where=where, fix=fix) from error
