"""Ids of rows: their own, or digits of their content's digest.

>>> ids = RowIds(DatasetSource("rows.jsonl", ()))
>>> [ids.claim(None, '{"text":"Fun."}', number) for number in (1, 2)]
['0fca2a3d347725ab', '0fca2a3d347725ab-2']
"""

import hashlib

from workbench.canonical import JSON
from workbench.dataset.types import DatasetSource
from workbench.errors import WorkbenchError


class RowIds:
    """Unique ids; a row without one gets its content's digest."""

    def __init__(self, source: DatasetSource) -> None:
        self._source = source
        self._numbers: dict[str, int] = {}
        self._copies: dict[str, int] = {}

    def claim(self, row_id: JSON, body: str, number: int) -> str:
        """`row_id`, or else digits of `body`'s digest and, from 2, its occurrence."""
        unique_id = row_id if row_id is not None else self._from_content(body)
        first = self._numbers.setdefault(unique_id, number)
        if first != number:
            message = f"the id {unique_id!r} is already used in {self._source.location(first)}"
            fix = "give each row its own id, or ignore the column: `id: null`"
            raise WorkbenchError(message, where=self._source.location(number), fix=fix)
        return str(unique_id)

    def _from_content(self, body: str) -> str:
        stem = hashlib.sha256(body.encode("ascii")).hexdigest()[:16]
        copy = self._copies[stem] = self._copies.get(stem, 0) + 1
        return stem if copy == 1 else f"{stem}-{copy}"
