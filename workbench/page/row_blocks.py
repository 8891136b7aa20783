"""The rows of a comparison that fit into a file, in blocks of JSON.

    <script type="application/json" id="rows-1">[{"number":200,…},{"number":203,…}]</script>

Rows in which variants differ take priority, and what only an opened row shows is left out first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

BLOCK_ROWS = 200  # numbers of rows of a block, which the script reads as a whole


@dataclass(frozen=True, slots=True)
class RowText:
    """A row as JSON.

    Attributes:
        differs: variants differ in it, or one of them failed.
        more: the prompts and reasons as JSON; empty where they are left out.
    """

    number: int
    differs: bool
    text: str
    more: str = ""

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return len(self.text.encode())


def select_rows(rows: Iterable[RowText], size: int) -> tuple[list[RowText], int]:
    """The rows that fit into `size` bytes, in their order, and the number omitted."""
    candidates: list[RowText] = []
    sizes = {True: 0, False: 0}
    total = more = 0
    for row in rows:
        total += 1
        if sizes[row.differs] + row.size <= size:
            sizes[row.differs] += row.size
            more += len(row.more)
            candidates.append(row if more <= size else replace(row, more=""))
    left = size - sizes[True]
    selected: list[RowText] = []
    for row in candidates:
        left -= 0 if row.differs else row.size
        if row.differs or left >= 0:
            selected.append(row)
    left = size - sum(row.size for row in selected)
    return _fit_more(selected, left), total - len(selected)


def _fit_more(rows: Sequence[RowText], left: int) -> list[RowText]:
    """The rows in their order, with `more` while it fits into `left` bytes."""
    fitting: set[int] = set()
    for row in sorted(rows, key=lambda row: not row.differs):
        left -= len(row.more.encode())
        if left >= 0:
            fitting.add(row.number)
    return [row if row.number in fitting else replace(row, more="") for row in rows]


def row_blocks(rows: Iterable[RowText]) -> Iterator[tuple[str, str]]:
    """Id and JSON of each block of rows."""
    return _blocks("rows", ((row.number, row.text) for row in rows))


def more_blocks(rows: Iterable[RowText]) -> Iterator[tuple[str, str]]:
    """Id and JSON of each block of what only an opened row shows."""
    return _blocks("more", ((row.number, row.more) for row in rows if row.more))


def _blocks(name: str, texts: Iterable[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    for block, members in groupby(texts, lambda numbered: numbered[0] // BLOCK_ROWS):
        yield f"{name}-{block}", f"[{','.join(text for _, text in members)}]"
