"""Columns that are read: `columns:` and `drop:` of an experiment file.

    drop: [raw]                        {"text": "Fun.", "raw": b"…"}          {"text": "Fun."}
    columns: {text: "Review Text"}     {"Review Text": "Fun.", "raw": b"…"}   {"text": "Fun."}

Columns that another setting names (`expected`, `id`, `split`, `cluster`) are always read, so that
`columns:` need only list what templates use. Of nested rows, names of inputs count, too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.dataset.columns import header_fix
from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.types import SPLIT, TURNS
from workbench.errors import WorkbenchError, list_first, unknown_name

Row = Mapping[str, Any]
NESTED = ("inputs", "expectations", "metadata")
_MAX_SEEN = 1000  # columns that the message about an unknown one can list


class ColumnSelection:
    """The columns that a dataset reads; notes which of the listed ones its rows have."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._dropped = frozenset(spec.drop or ())
        columns = spec.columns or {}
        renamed = columns if isinstance(columns, dict) else dict(zip(columns, columns, strict=True))
        self._names = {source: name for name, source in renamed.items()}
        listed = renamed.values()
        named = {word for _, name in spec.named_columns() for word in _words(name)}
        read = {*named, *NESTED, *spec.id_columns, SPLIT} - renamed.keys()
        self._read = frozenset({*listed, *read})
        self._key = "drop" if spec.drop else "columns"
        self._missing = {*self._dropped, *listed}
        self._seen: dict[str, None] = {}
        self.lists_columns = spec.columns is not None
        self.is_complete = not self._missing  # every column is read

    def keeps(self, column: str) -> bool:
        """True if the column is read."""
        return column in self._read if self.lists_columns else column not in self._dropped

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns of the rows so far that are not read."""
        return tuple(column for column in self._seen if not self.keeps(column))

    def name(self, column: str) -> str:
        """The name under which a column is read."""
        return self._names.get(column, column)

    def select(self, row: Row) -> Row:
        """The columns of a row that are read, under their names."""
        if self.is_complete:
            return row
        inputs = row.get("inputs")
        nested = inputs if isinstance(inputs, Mapping) else {}
        self.note_columns((*row, *nested))
        selected = {self.name(c): value for c, value in row.items() if self.keeps(c)}
        if nested and "inputs" in selected:
            selected["inputs"] = {self.name(c): v for c, v in nested.items() if self.keeps(c)}
        if isinstance(turns := selected.get(TURNS), list):
            selected[TURNS] = [self.select(t) if isinstance(t, Mapping) else t for t in turns]
        return selected

    def note_columns(self, columns: Iterable[str]) -> None:
        """Note the columns of a row or of a header."""
        if self._missing or not self._seen:
            self._missing.difference_update(columns)
            if len(self._seen) < _MAX_SEEN:
                self._seen.update(dict.fromkeys(columns))

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Add the columns that are left out to an error about an unknown column."""
        try:
            yield
        except WorkbenchError as error:
            left_out = self.left_out
            if left_out and error.message.startswith("unknown column '"):
                key = "columns" if self.lists_columns else "drop"
                error.fix += f"; `{key}:` leaves out {list_first(left_out, 8)}"
                error.fix += header_fix(left_out)
            raise

    def rows(self, rows: Iterable[tuple[int, Row]], name: str) -> Iterator[tuple[int, Row]]:
        """The rows; after the last one, check that they had every listed column.

        Raises:
            WorkbenchError: no row has a column that `columns:` or `drop:` lists.
        """
        empty = True
        for row in rows:
            yield row
            empty = False
        if self._missing and not empty:
            column = min(self._missing)
            raise unknown_name(f"column in `{self._key}`:", column, self._seen, where=name)


def _words(name: str) -> list[str]:
    """The columns that a name, a path or an expression may read."""
    return [name, *re.findall(r"\w+", name)]
