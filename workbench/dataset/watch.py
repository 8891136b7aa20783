"""What the columns of a dataset hold, watched while its rows go by.

column 'stars' holds numbers (reviews.jsonl:1: 5) and texts (reviews.jsonl:2: '5')
"""

from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.dataset.types import DatasetSource

_WORDS: dict[type, str] = {
    bool: "true or false",
    int: "numbers",
    float: "numbers",
    str: "texts",
    list: "lists",
    dict: "objects",
}
_SHOWN = 40
# Names that a template can't read from its row: Jinja has its own meaning for them.
_TAKEN = frozenset({"self", "loop", "not", "true", "false", "none", "True", "False", "None"})


class ColumnWatch:
    """Names and kinds of the columns, and where each was first seen."""

    def __init__(self, source: DatasetSource) -> None:
        self._source = source
        self._kinds: dict[str, dict[str, tuple[int, JSON]]] = {}
        self._forms: dict[tuple[str, ...], tuple[int, int]] = {}  # first row, how many rows

    def see(self, number: int, inputs: Mapping[str, JSON], expected: Mapping[str, JSON]) -> None:
        """Takes note of one row."""
        form = tuple(inputs)
        first, rows = self._forms.get(form, (number, 0))
        self._forms[form] = (first, rows + 1)
        for columns in (inputs, expected):
            for column, value in columns.items():
                word = _WORDS.get(type(value))
                if word is not None:
                    self._kinds.setdefault(column, {}).setdefault(word, (number, value))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the inputs, in order of appearance."""
        return tuple(dict.fromkeys(column for form in self._forms for column in form))

    def warnings(self) -> tuple[str, ...]:
        """Columns no template can read, columns of mixed kinds, columns that some rows lack."""
        return (*self._taken(), *self._mixed(), *self._lacking())

    def _taken(self) -> list[str]:
        return [
            f"column {column!r} can't be read in a template: the name is Jinja's own; rename it"
            for column in self.columns
            if column in _TAKEN
        ]

    def _mixed(self) -> list[str]:
        found = []
        for column, kinds in self._kinds.items():
            if len(kinds) > 1:
                seen = [
                    f"{word} ({self._source.location(number)}: {_short(value)})"
                    for word, (number, value) in kinds.items()
                ]
                found.append(f"column {column!r} holds {' and '.join(seen)}")
        return found

    def _lacking(self) -> list[str]:
        total = sum(rows for _, rows in self._forms.values())
        found = []
        for column in self.columns:
            without = [seen for form, seen in self._forms.items() if column not in form]
            if without:
                rows, first = sum(rows for _, rows in without), min(n for n, _ in without)
                found.append(
                    f"column {column!r} is missing in {rows} of {total} rows, "
                    f"first in {self._source.location(first)}"
                )
        return found


def _short(value: JSON) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
