"""The rows that an evaluator is about, and the column that has its expected values.

>>> coverage = Coverage({"topic": ("sports", "politics")})
>>> coverage.includes([{"topic": "sports", "text": "…"}])
True
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.canonical import JSON
from workbench.evaluator.score import Score

EXPECTED = "expected_response"
Columns = Sequence[Mapping[str, JSON]]  # parts of a row; of equal names, the first counts


@dataclass(frozen=True)
class Coverage:
    """A part of the rows, and the place of their expected values.

    Attributes:
        rows: by column, the values of the rows that count, as texts; empty: all rows count.
        expected_column: has the expected answers; empty: that of the dataset.
        slice_of: the evaluator of all rows that this is a slice of; empty: it is none.
    """

    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expected_column: str = ""
    slice_of: str = ""

    def includes(self, columns: Columns) -> bool:
        """True if the row with these columns counts."""
        return all(column_text(columns, name) in values for name, values in self.rows.items())

    def expectations(self, columns: Columns, expectations: Mapping[str, JSON]) -> dict[str, JSON]:
        """The row's expectations, with those of its column."""
        if not self.expected_column:
            return dict(expectations)
        return {**expectations, EXPECTED: column_value(columns, self.expected_column)}

    @property
    def excluded(self) -> Score:
        """The score of a row that doesn't count."""
        return Score(reason=f"not a row with {self._words}")

    @property
    def _words(self) -> str:
        return " and ".join(f"{name} {' or '.join(each)}" for name, each in self.rows.items())


def column_value(columns: Columns, name: str) -> JSON:
    """The value of a row's column; None if it has none."""
    return next((part[name] for part in columns if name in part), None)


def column_text(columns: Columns, name: str) -> str | None:
    """The value of a row's column as a text; None if the row has no such column."""
    part = next((part for part in columns if name in part), None)
    return None if part is None else str(part[name])
