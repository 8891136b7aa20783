"""Records of several lines that look like rows of their own: a quote that was never closed.

    1,"I love it.,positive          a quoted field with a comma, a line end and a comma: one record
    2,It is great.",negative        of three fields, as the header has, and the second row is lost

A field may hold line ends, so lines alone prove nothing. The record is suspect if each of its
lines has as many fields as the header without quoting, and if

- a column where the field has nothing to do with it would still look like that column elsewhere
  (`2` under numbers, `positive` under few labels), or
- lines in the middle are complete, in most records of several lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_MAX_LABELS = 50  # distinct values of a column of labels
_LABEL_REPEATS = 2  # rows per label, at least
_PROFILE_ROWS = 5_000
_DIGITS = re.compile(r"[0-9]+")


class _Profile:
    """The values of one column in records of one line."""

    def __init__(self) -> None:
        self._values: Counter[str] | None = Counter()
        self._shapes: set[str] = set()
        self._rows = 0

    def add(self, cell: str) -> None:
        self._rows += 1
        if self._values is not None:
            self._values[cell] += 1
            if len(self._values) > _MAX_LABELS:
                self._values = None
        if len(self._shapes) < 2:
            self._shapes.add(_shape(cell))

    def fits(self, cells: Iterable[str], true_cell: str) -> bool:
        """True if the cells look like those of the column; `true_cell` is the record's own."""
        texts = [cell.strip('"') for cell in cells]
        shapes = {*self._shapes, _shape(true_cell)}
        if len(shapes) == 1 and "9" in (shape := shapes.pop()):
            return all(_shape(text) == shape for text in texts)
        labels = self._values or Counter[str]()
        if self._rows < _LABEL_REPEATS * max(2, len(labels)):
            return False
        return bool(labels) and all(text in labels for text in texts)


class SwallowedLines:
    """Records of several lines, collected from the rows of a table."""

    def __init__(self, width: int, delimiter: str) -> None:
        self._width = width
        self._delimiter = delimiter
        self._columns = [_Profile() for _ in range(width)]
        self._rows = self._several = 0
        self._suspects: list[tuple[int, Sequence[str], Sequence[str]]] = []

    def add(self, number: int, fields: Sequence[str], lines: Sequence[str]) -> None:
        """Add the record that begins on line `number`."""
        if len(lines) == 1:
            self._rows += 1
            if self._rows <= _PROFILE_ROWS:
                for profile, cell in zip(self._columns, fields, strict=False):
                    profile.add(cell)
            return
        self._several += 1
        count = self._width - 1
        if count and all(line.count(self._delimiter) == count for line in lines):
            self._suspects.append((number, fields, lines))

    def suspect(self) -> tuple[int, int] | None:
        """The first line of a record with rows in a field, and its number of lines."""
        usual = 2 * len(self._suspects) > self._several
        for number, fields, lines in self._suspects:
            if self._resembles_rows(fields, lines) or (usual and len(lines) > 2):
                return number, len(lines)
        return None

    def _resembles_rows(self, fields: Sequence[str], lines: Sequence[str]) -> bool:
        """True if a column outside of the field that holds the lines looks like others."""
        split = [line.rstrip("\r\n").split(self._delimiter) for line in lines]
        long = next((i for i, cell in enumerate(fields) if "\n" in cell), 0)
        for column, (profile, true_cell) in enumerate(zip(self._columns, fields, strict=False)):
            if column != long:
                foreign = split[1:] if column < long else split[:-1]
                if profile.fits([row[column] for row in foreign], true_cell):
                    return True
        return False


def _shape(cell: str) -> str:
    """`train_12` as `train_9`."""
    return _DIGITS.sub("9", cell.strip('"'))
