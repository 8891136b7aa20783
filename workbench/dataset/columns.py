"""Names and kinds of a dataset's columns, collected row by row, and warnings about them.

column 'stars' holds numbers (reviews.jsonl:1: 5) and strings (reviews.jsonl:2: '5')
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from workbench.canonical import JSON
from workbench.dataset.types import EXPECTED, DatasetSource
from workbench.errors import WorkbenchError, list_first

_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "numbers",
    float: "numbers",
    str: "strings",
    list: "lists",
    dict: "objects",
}
_MAX_SHOWN = 40  # characters of a value
# Names that a template can't read from its row: Jinja uses them itself.
JINJA_NAMES = frozenset({"self", "loop", "not", "true", "false", "none", "True", "False", "None"})


class ColumnSummary:
    """Names and kinds of the columns, and the first row of each."""

    def __init__(self, source: DatasetSource) -> None:
        self._source = source
        self._kinds: dict[str, dict[str, tuple[int, JSON]]] = {}
        self._layouts: dict[tuple[str, ...], tuple[int, int]] = {}  # first row, count of rows

    def add(self, number: int, inputs: Mapping[str, JSON], expected: Mapping[str, JSON]) -> None:
        """Count row `number`."""
        layout = tuple(inputs)
        first, rows = self._layouts.get(layout, (number, 0))
        self._layouts[layout] = (first, rows + 1)
        for columns in (inputs, expected):
            for column, value in columns.items():
                kind = _KINDS.get(type(value))
                kinds = self._kinds.setdefault(column, {})
                if kind is not None and kind not in kinds:
                    kinds[kind] = (number, value)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the inputs, in order of appearance."""
        return tuple(dict.fromkeys(column for layout in self._layouts for column in layout))

    def warnings(self) -> tuple[str, ...]:
        """Columns that no template can read, with values of several kinds, or missing in rows."""
        return (*self._unreadable(), *self._mixed(), *self._incomplete())

    def _unreadable(self) -> Iterator[str]:
        no_names = [column for column in self.columns if not column.isidentifier()]
        for column in self.columns:
            if column in JINJA_NAMES:
                problem = "the name is reserved in Jinja; rename it"
                yield f"templates can't read column {column!r}: {problem}"
        if no_names:
            columns = list_first([repr(column) for column in no_names], 3)
            problem = f"no names of variables; to rename: `columns: {{text: {no_names[0]!r}}}`"
            yield f"templates can't read the columns {columns}: {problem}"

    def _mixed(self) -> Iterator[str]:
        for column, kinds in self._kinds.items():
            if column == EXPECTED and "lists" in kinds:  # of acceptable answers
                continue
            if len(kinds) > 1:
                samples = [
                    f"{kind} ({self._source.location(number)}: {_shorten(value)})"
                    for kind, (number, value) in kinds.items()
                ]
                yield f"column {column!r} holds {' and '.join(samples)}"

    def _incomplete(self) -> Iterator[str]:
        total = sum(rows for _, rows in self._layouts.values())
        for column in self.columns:
            without = [seen for layout, seen in self._layouts.items() if column not in layout]
            if without:
                rows, first = sum(rows for _, rows in without), min(first for first, _ in without)
                place = f"first in {self._source.location(first)}"
                yield f"column {column!r} is missing in {rows} of {total} rows, {place}"


def _shorten(value: JSON) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"


def check_unique(columns: Sequence[str], where: str) -> None:
    """Raise WorkbenchError if two columns have the same name."""
    seen = set[str]()
    for column in columns:
        if column in seen:
            message = f"two columns are named {column!r}"
            raise WorkbenchError(message, where=where, fix="rename one of them")
        seen.add(column)


def header_fix(columns: Iterable[str]) -> str:
    """The end of a fix for a table whose first line seems to be a row; empty otherwise.

    >>> header_fix(["What is 2 + 2?", "3", "4"])
    '; if the first line is a row, write a line of names above it'
    """
    if any(re.fullmatch(r"[+-]?\d+(?:[.,]\d+)?|", column) for column in columns):
        return "; if the first line is a row, write a line of names above it"
    return ""


def yaml_list(columns: Iterable[str]) -> str:
    """Names of columns as YAML.

    >>> yaml_list(["text", "Review Text", "#1", "a: b"])
    '[text, Review Text, "#1", "a: b"]'
    """
    plain = re.compile(r"[^\W\d](?:[\w .-]*\w)?")
    names = (c if plain.fullmatch(c) else json.dumps(c, ensure_ascii=False) for c in columns)
    return f"[{', '.join(names)}]"
