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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MAX_VALUES = 50  # distinct values of a column that are compared
_PROFILE_ROWS = 5_000
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Suspect:
    """A record that may be several rows.

    Attributes:
        number: its first line.
        lines: its number of lines.
        certain: True if there is more evidence than equal numbers of fields.
    """

    number: int
    lines: int
    certain: bool


class _Profile:
    """The values of one column in records of one line."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._shapes: set[str] = set()

    def add(self, cell: str) -> None:
        if len(self._values) < _MAX_VALUES:
            self._values.add(cell)
        if len(self._shapes) < 2:
            self._shapes.add(_shape(cell))

    def evidence(self, cells: Iterable[str], true_cell: str) -> int:
        """1: the cells look like those of the column, -1: it holds others, 0: neither is clear.

        `true_cell` is the record's own.
        """
        texts = [cell.strip('"') for cell in cells]
        shapes = {*self._shapes, _shape(true_cell)}
        if len(shapes) == 1 and "9" in (shape := shapes.pop()):
            return 1 if all(_shape(text) == shape for text in texts) else -1
        return int(all(text and text in {*self._values, true_cell} for text in texts))


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

    def suspect(self) -> Suspect | None:
        """The first record that looks like rows; one with evidence comes first."""
        usual = 2 * len(self._suspects) > self._several
        possible: Suspect | None = None
        for number, fields, lines in self._suspects:
            evidence = self._evidence(fields, lines)
            if evidence > 0 or (evidence == 0 and usual and len(lines) > 2):
                return Suspect(number, len(lines), certain=True)
            if evidence == 0 and usual:
                possible = possible or Suspect(number, len(lines), certain=False)
        return possible

    def _evidence(self, fields: Sequence[str], lines: Sequence[str]) -> int:
        """The evidence of the columns outside of the field that holds the lines, the most first."""
        split = [line.rstrip("\r\n").split(self._delimiter) for line in lines]
        long = next((i for i, cell in enumerate(fields) if "\n" in cell), 0)
        grades = [0]
        for column, (profile, true_cell) in enumerate(zip(self._columns, fields, strict=False)):
            if column != long:
                foreign = split[1:] if column < long else split[:-1]
                grades.append(profile.evidence([row[column] for row in foreign], true_cell))
        return max(grades) or min(grades)


def _shape(cell: str) -> str:
    """`train_12` as `train_9`."""
    return _DIGITS.sub("9", cell.strip('"'))
