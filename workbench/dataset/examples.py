"""Rows as examples: split selected, variables added, sampled, with unique ids and a digest.

{"id": 17, "text": "A fun ride.", "label": "positive", "split": "dev"}

becomes Example("17", {"text": "A fun ride."}, {"expected_response": "positive"}), whose reserved
columns are {"id": 17, "split": "dev"}.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from workbench.canonical import JSON, canonical_json
from workbench.dataset.columns import ColumnSummary
from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.expected import is_empty, is_nested, read_expected
from workbench.dataset.expected_values import ExpectedValues
from workbench.dataset.row_ids import RowIds
from workbench.dataset.row_parts import RowParts
from workbench.dataset.row_turns import Origin, expand_rows
from workbench.dataset.sampling import draw_sample
from workbench.dataset.types import SPLIT, Dataset, DatasetSource, Example, RowScope
from workbench.dataset.variables import combinations
from workbench.errors import WorkbenchError, unknown_name
from workbench.prompt.renderer import Renderer

Values = Mapping[str, JSON]


class _Row(NamedTuple):
    """An example and what the dataset needs to know of it.

    Attributes:
        number: the line or row it comes from.
        body: its content, for the digest.
        group: equal in rows of one group; None: the row is in no group.
        stratum: equal in rows of one stratum of a sample.
    """

    number: int
    example: Example
    body: str
    group: str | None
    stratum: str


def collect_examples(
    source: DatasetSource,
    spec: DatasetSpec,
    *,
    name: str,
    scope: RowScope,
    renderer: Renderer | None = None,
) -> Dataset:
    """The examples of `source` that `spec` selects, in order; in a sample, in that of its seed.

    With a limit only the first are kept; all are read, for the digest and for their errors.

    Raises:
        WorkbenchError: there are none, a column is missing, or two rows have the same id.
    """
    reading, content, groups = _Reading(source, spec), _Content(), _Groups(spec)
    rows = _sampled(reading.rows(renderer), spec)
    examples, numbers = list[Example](), list[int]()
    count = labelled = later_turns = 0
    for row in rows:
        content.add(row)
        groups.add(row)
        count, labelled = count + 1, labelled + bool(row.example.expectations)
        later_turns += row.example.turn > 1
        if scope.limit is None or count - later_turns <= scope.limit:
            examples.append(row.example)
            numbers.append(row.number)
    return Dataset(
        name=name,
        source=source.name,
        examples=tuple(reading.answers.as_integers(examples)),
        digest=content.digest,
        columns=reading.summary.columns,
        expected=spec.expected or "",
        rows=count,
        later_turns=later_turns,
        labelled=labelled,
        notes=tuple(reading.notes()),
        warnings=(*reading.warnings(), *groups.warnings(), *reading.answers.warnings()),
        row_numbers=tuple(numbers),
        unit=source.unit,
        cluster=spec.cluster or "",
        groups=tuple(groups.numbers[: len(examples)]),
        reserved={column: content.splits if column == SPLIT else "" for column in reading.reserved},
    )


class _Reading:
    """All rows of a source as examples, and the facts about all of them."""

    def __init__(self, source: DatasetSource, spec: DatasetSpec) -> None:
        self.summary = ColumnSummary(source)
        self.answers = ExpectedValues(source, spec.expected)
        self.reserved: dict[str, None] = {}
        self._source = source
        self._spec = spec
        self._ids = RowIds(source)
        self._combinations = combinations(spec.vars or {})
        self._hidden = (spec.expected or "").partition(".")[0]  # its value is the answer
        self._group: str | None = None  # of the rows made from the last one
        self._row_id = ""
        self._count = 0
        self._labelled = False

    def rows(self, renderer: Renderer | None) -> Iterator[_Row]:
        """Each row with each combination of variables, and of those each turn."""
        source, spec = self._source, self._spec
        nested: bool | None = None
        origins = deque[Origin]()
        ids, selected = spec.id_columns or ("id",), _select_split(source, spec)
        expanded = expand_rows(selected, self._combinations, source, ids=ids, origins=origins)
        for answered in read_expected(source, expanded, spec.expected, renderer):
            parts = RowParts(answered, is_nested(answered.values), source, spec)
            nested = parts.nested if nested is None else nested
            parts.require_form(nested=nested)
            yield self._row(parts, origins.popleft())
        if nested is None:
            raise WorkbenchError("0 rows", where=source.name, fix="add at least one row")
        if spec.stratify == "expected" and not self._labelled:
            message = "`stratify: expected`, but no row has an expected value"
            raise WorkbenchError(message, where=source.name, fix="add `expected: COLUMN`")

    def _row(self, parts: RowParts, origin: Origin) -> _Row:
        answered, number = parts.answered, parts.answered.number
        inputs, expectations = parts.inputs, parts.expectations
        variables = origin.combination.values
        shown = {name: v for name, v in variables.items() if name != self._hidden}
        for variable in shown:
            inputs.pop(variable, None)
        is_first = origin.turn < 2 and origin.combination is self._combinations[0]
        body = _body(inputs, expectations) if is_first or not variables else ""
        if is_first:
            content = body + canonical_json(origin.turns) if origin.turn else body
            self._row_id = self._ids.claim(parts.id, content, number)
        if variables:
            inputs |= shown
            body = _body(inputs, expectations)
        if self._spec.expected is not None and is_empty(answered.answer):
            expectations = {}
        example_id = self._row_id + origin.combination.suffix
        if origin.turn:
            example_id = self._ids.claim(f"{example_id}/{origin.turn}", body, number)
            body += f" turn {origin.turn}"
        others = parts.metadata, parts.reserved, origin.turn
        example = Example(example_id, inputs, expectations, *others)
        if origin.turn < 2:
            self._group = self._group_of(parts, origin)
        return self._noted(example, parts, body)

    def _noted(self, example: Example, parts: RowParts, body: str) -> _Row:
        """The row; its facts are in those about all rows."""
        number = parts.answered.number
        self.answers.add(number, parts.answered.answer)
        self.summary.add(number, example.inputs, example.expectations)
        self.reserved |= dict.fromkeys(example.reserved)
        self._count += example.turn < 2
        self._labelled = self._labelled or bool(example.expectations)
        return _Row(number, example, body, self._group, self._stratum(parts, example))

    def _group_of(self, parts: RowParts, origin: Origin) -> str | None:
        if self._spec.cluster is not None:
            value = parts.column(self._spec.cluster)
            if value is not None and value != "":
                return canonical_json(value)
        several = len(self._combinations) > 1 or len(origin.turns) > 1
        return f"row {parts.answered.number}" if several else None

    def _stratum(self, parts: RowParts, example: Example) -> str:
        column = self._spec.stratify
        if column is None or example.turn > 1:
            return ""
        if column in ("expected", self._spec.expected):
            return canonical_json(example.expectations)
        return canonical_json(parts.column(column))

    def notes(self) -> Iterator[str]:
        """Facts about the rows that were read."""
        spec = self._spec
        if spec.sample is not None:
            sample = f"a sample of {min(spec.sample, self._count):,} of {self._count:,} rows"
            strata = f", stratified by {spec.stratify}" if spec.stratify else ""
            yield f"{sample} by `seed: {spec.seed}`{strata}"

    def warnings(self) -> Iterator[str]:
        """Likely mistakes in all rows that were read."""
        yield from self._source.notes
        yield from self.summary.warnings()


def _sampled(rows: Iterable[_Row], spec: DatasetSpec) -> Iterable[_Row]:
    """The rows, or a random sample of them, each with all of its turns."""
    if spec.sample is None:
        return rows

    def conversations() -> Iterator[list[_Row]]:
        turns: list[_Row] = []
        for row in rows:
            if turns and row.example.turn < 2:
                yield turns
                turns = []
            turns.append(row)
        yield turns  # without a row, `rows` raises an error

    sample = draw_sample(
        conversations(),
        spec.sample,
        seed=spec.seed,
        key=lambda turns: turns[0].example.id,
        stratum=lambda turns: turns[0].stratum,
    )
    return chain.from_iterable(sample)


def _body(inputs: Values, expectations: Values) -> str:
    return canonical_json({"expectations": expectations, "inputs": inputs})


def _select_split(source: DatasetSource, spec: DatasetSpec) -> Iterator[tuple[int, Values]]:
    if spec.split is None or spec.huggingface is not None:
        yield from source.rows
        return
    other_splits: dict[str, None] = {}
    selected = 0
    for number, values in source.rows:
        if SPLIT not in values:
            message = f"there is no column {SPLIT!r} to find {spec.split!r} in"
            fix = f"the columns are {', '.join(values)}; remove `split:` to use every row"
            raise WorkbenchError(message, where=source.location(number), fix=fix)
        if str(values[SPLIT]) == spec.split:
            selected += 1
            yield number, values
        elif len(other_splits) < 100:
            other_splits[str(values[SPLIT])] = None
    if other_splits and not selected:
        raise unknown_name("split", spec.split, other_splits, where=source.name)


class _Content:
    """Digests of the rows in order: of ids and content, and of the column `split`."""

    def __init__(self) -> None:
        self._rows, self._splits = hashlib.sha256(), hashlib.sha256()

    def add(self, row: _Row) -> None:
        """Add the next row."""
        row_id, reserved = canonical_json(row.example.id), row.example.reserved
        self._rows.update(f"{row_id}{row.body}\n".encode("ascii"))
        if SPLIT in reserved:
            self._splits.update(f"{row_id}{canonical_json(reserved[SPLIT])}\n".encode("ascii"))

    @property
    def digest(self) -> str:
        """Of ids and content."""
        return self._rows.hexdigest()

    @property
    def splits(self) -> str:
        """Of ids and splits."""
        return self._splits.hexdigest()


class _Groups:
    """Number of each row's group, by first appearance; None where the row is in no group."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._groups: list[int | None] = []
        self._column = spec.cluster
        self._numbers: dict[str, int] = {}
        self._rows: dict[int, int | None] = {}  # of each row of the source, its group

    @property
    def numbers(self) -> Sequence[int | None]:
        """Of all rows; empty if no setting or conversation makes groups."""
        return self._groups if self._column or self._numbers else ()

    def add(self, row: _Row) -> None:
        """Add the next row."""
        group = row.group
        number = None if group is None else self._numbers.setdefault(group, len(self._numbers))
        self._groups.append(number)
        if self._column:
            self._rows[row.number] = number

    def warnings(self) -> Iterator[str]:
        """A column that groups nothing, or all rows."""
        if self._column is None:
            return
        rows, groups = len(self._rows), len(set(self._rows.values()) - {None})
        if rows > 1 and groups == rows - list(self._rows.values()).count(None):
            yield f"`cluster: {self._column}` groups no rows: no two have the same value"
        elif rows > 1 and groups == 1 and None not in self._rows.values():
            yield f"`cluster: {self._column}` makes all rows one cluster: there are no intervals"
