"""Rows of a source with names of columns that templates can use.

>>> table = ColumnTable()
>>> table.add({"first name": "Ada", "id": 7})
>>> table.rows, table.renamed
([{'first_name': 'Ada', 'id': 7}], {'first name': 'first_name'})
"""

import keyword
import re
from collections.abc import Mapping
from typing import Any

from workbench.importing.import_log import ImportLog

# Words of Jinja, and columns that mean something else in a dataset of ours.
_RESERVED = {
    *("self", "loop", "not", "true", "false", "none", "and", "or", "in", "is", "if", "else"),
    *("turns", "inputs", "expectations", "metadata", "dataset_record_id", "varargs", "kwargs"),
}
_FIX = "the columns are in rows.jsonl under their new names"


class ColumnTable:
    """Collects rows, and renames columns whose name is no variable of Jinja.

    Attributes:
        rows: as a dataset of ours takes them.
        renamed: the new name of each column that has one.
    """

    def __init__(self, taken: tuple[str, ...] = ()) -> None:
        self.rows: list[dict[str, Any]] = []
        self._names: dict[str, str] = {}
        self._taken = set(taken)

    @property
    def renamed(self) -> dict[str, str]:
        """The new names of columns that have one."""
        return {old: new for old, new in self._names.items() if old != new}

    @property
    def names(self) -> list[str]:
        """The names of all columns of the source."""
        return list(self._names.values())

    def name(self, column: str) -> str:
        """The column's name in the rows."""
        if column not in self._names:
            name = variable_name(column)
            while name in self._taken or name in self._names.values():
                name += "_"
            self._names[column] = name
        return self._names[column]

    def add(self, values: Mapping[str, Any], **more: Any) -> None:
        """Add a row; the columns of `more` keep their names."""
        self.rows.append({self.name(str(key)): value for key, value in values.items()} | more)

    def report_renamed(self, where: str, log: ImportLog) -> None:
        """Report each column that was renamed."""
        for old, new in self.renamed.items():
            log.changed(where, f"column {old!r} is {new!r}", fix=_FIX)

    def dataset_keys(self, where: str, log: ImportLog) -> dict[str, Any]:
        """Keys of `dataset:` that the ids of the rows call for."""
        if not any("id" in row for row in self.rows):
            return {}
        ids = [row.get("id") for row in self.rows]
        readable = [i for i in ids if isinstance(i, str | int) and not isinstance(i, bool)]
        if len({str(i) for i in readable if i != ""}) == len(ids):
            return {}
        fix = "give each row an id of its own, and remove `id: null` from experiment.yaml"
        log.changed(
            where, "column 'id' repeats or has gaps: rows are known by their content", fix=fix
        )
        return {"id": None}


def variable_name(name: str) -> str:
    """The name as a variable of a template: `first name` is `first_name`."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    if not re.match(r"[A-Za-z_]", plain):
        plain = f"column_{plain}" if plain else "column"
    if plain.lower() in _RESERVED or keyword.iskeyword(plain):
        plain += "_"
    return plain
