"""Examples and datasets.

Example(id="17", inputs={"text": "A fun ride."}, expectations={"expected_response": "positive"})
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from workbench.canonical import JSON

EXPECTED = "expected_response"  # MLflow's key of the right answer
SPLIT = "split"
TURNS = "turns"
Unit = Literal["line", "row"]


@dataclass(frozen=True, slots=True)
class Example:
    """One row.

    Attributes:
        id: from the row, or the first 16 digits of its content's digest; unique in a dataset.
        inputs: the variables of templates.
        expectations: visible to evaluators, never to templates.
        metadata: neither an input nor an expectation: `compare --by` reads it.
        reserved: the columns of the row's id and split, which templates can read, too.
        turn: number of the turn in its conversation, from 1; the turn before it is the example
            before this one. 0: the row is no part of a conversation.
    """

    id: str
    inputs: Mapping[str, JSON]
    expectations: Mapping[str, JSON]
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    reserved: Mapping[str, JSON] = field(default_factory=dict)
    turn: int = 0

    @property
    def variables(self) -> Mapping[str, JSON]:
        """All that templates can read."""
        return {**self.reserved, **self.inputs} if self.reserved else self.inputs

    def columns(self) -> tuple[Mapping[str, JSON], ...]:
        """All parts of the row; of equal names, the first counts."""
        return self.inputs, self.expectations, self.metadata, self.reserved


@dataclass(frozen=True)
class RowScope:
    """The rows that an invocation takes.

    Attributes:
        limit: number of rows from the start, all turns of a row counted as one; None: all.
        sample: rows of a random sample, instead of the file's `sample:`; None: the file's.
    """

    limit: int | None = None
    sample: int | None = None


ALL_ROWS = RowScope()


@dataclass(frozen=True)
class RowsFile:
    """The file that rows come from, before it was read.

    Attributes:
        sha256: of its bytes.
        settings: digest of all else that decides the rows: settings, scope, code and libraries.
    """

    path: Path
    sha256: str
    settings: str


@dataclass(frozen=True)
class Dataset:
    """The rows of one experiment, identified by their content.

    Attributes:
        source: the file or dataset, as error messages call it.
        digest: SHA-256 over every row's id and canonical content, in order.
        columns: names of the inputs, in order of appearance.
        reserved: the columns of ids and splits that rows have, which templates can read. Of the
            split, which `digest` doesn't cover, a digest of its values; of ids, an empty text.
        left_out: columns that `columns:` or `drop:` leaves out.
        expected: `expected:` of the experiment file; empty: there is none.
        rows: count of all rows, each turn counted; `examples` may hold only the first.
        later_turns: of these, those that follow another turn of their row.
        labelled: count of the rows that have expectations.
        notes: facts that are no mistakes: a sample.
        warnings: likely mistakes: columns of mixed kinds, or missing in rows.
        row_numbers: the line (of a text file) or the row (elsewhere) of each example, from 1.
        unit: what `row_numbers` counts.
        cluster: name of the column whose values make groups of rows; empty: there is none.
        groups: number of each example's group; None: it is in no group. Empty without groups. They
            change intervals and verdicts, not answers, so they are not in the digest.
        folder: of the file with the rows; None: they are in no file.
        file: whose rows these are; None: it is small or no file, or a secret was redacted.
    """

    name: str
    source: str
    examples: Sequence[Example]
    digest: str
    columns: tuple[str, ...]
    expected: str = ""
    rows: int = 0
    later_turns: int = 0
    labelled: int = 0
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    row_numbers: tuple[int, ...] = ()
    unit: Unit = "line"
    cluster: str = ""
    groups: tuple[int | None, ...] = ()
    reserved: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    folder: Path | None = None
    file: RowsFile | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of all that templates can read."""
        return (*self.columns, *(name for name in self.reserved if name not in self.columns))

    def first_examples(self, limit: int | None) -> Sequence[Example]:
        """The examples of the first rows, each with all of its turns; None: all."""
        if limit is None:
            return self.examples
        if not self.later_turns:
            return self.examples[:limit]
        starts = [n for n, example in enumerate(self.examples) if example.turn < 2]
        return self.examples[: starts[limit]] if limit < len(starts) else self.examples

    def row_label(self, index: int) -> str:
        """Id and location of example `index`: `a, reviews.jsonl:12`."""
        file = self.source.rpartition("/")[2]
        location = row_location(file, self.row_numbers[index], self.unit)
        return f"{self.examples[index].id}, {location}"


@dataclass(frozen=True)
class DatasetSource:
    """Numbered rows from a reader, read lazily, before any column has a meaning.

    Attributes:
        notes: of the reader, complete when all rows are read.
    """

    name: str
    rows: Iterable[tuple[int, Mapping[str, JSON]]]
    unit: Unit = "line"
    notes: Sequence[str] = ()

    def location(self, number: int) -> str:
        """Location of row `number`, for messages."""
        return row_location(self.name, number, self.unit)


def row_location(source: str, number: int, unit: Unit) -> str:
    """`reviews.jsonl:12`, or `imdb row 12` where rows have no lines."""
    return f"{source}:{number}" if unit == "line" else f"{source} row {number}"
