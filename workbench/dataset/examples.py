"""Rows as examples: split selected, variables added, sampled, with unique ids and a digest.

{"id": 17, "text": "A fun ride.", "label": "positive", "split": "dev"}

becomes Example("17", {"text": "A fun ride."}, {"expected_response": "positive"}), whose reserved
columns are {"id": 17, "split": "dev"}.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from operator import attrgetter
from typing import NamedTuple

from workbench.canonical import JSON, canonical_json
from workbench.dataset.columns import ColumnSummary
from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.expected import is_empty, is_nested, read_expected
from workbench.dataset.expected_values import ExpectedValues
from workbench.dataset.row_parts import RowParts
from workbench.dataset.sampling import draw_sample
from workbench.dataset.types import SPLIT, Dataset, DatasetSource, Example, RowScope
from workbench.dataset.variables import combinations, expand
from workbench.errors import WorkbenchError, unknown_name
from workbench.prompt.renderer import Renderer

Values = Mapping[str, JSON]
_ID, _STRATUM = attrgetter("example.id"), attrgetter("stratum")


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
    rows: Iterable[_Row] = reading.rows(renderer)
    if spec.sample is not None:
        rows = draw_sample(rows, spec.sample, seed=spec.seed, key=_ID, stratum=_STRATUM)
    examples, numbers = list[Example](), list[int]()
    count = labelled = 0
    for row in rows:
        content.add(row)
        groups.add(row)
        count, labelled = count + 1, labelled + bool(row.example.expectations)
        if scope.limit is None or count <= scope.limit:
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
        self._ids = _Ids(source)
        self._combinations = combinations(spec.vars or {})
        self._are_grouped = spec.cluster is not None or len(self._combinations) > 1
        self._count = 0
        self._labelled = False

    def rows(self, renderer: Renderer | None) -> Iterator[_Row]:
        """Each row with each combination of variables."""
        source, spec, combined = self._source, self._spec, self._combinations
        nested: bool | None = None
        row_id = body = ""
        hidden = (spec.expected or "").partition(".")[0]  # its value is the answer
        first, *_ = combined
        expanded = expand(_select_split(source, spec), combined, source)
        answered_rows = read_expected(source, expanded, spec.expected, renderer)
        for answered, combination in zip(answered_rows, cycle(combined), strict=False):
            parts = RowParts(answered, is_nested(answered.values), source, spec)
            nested = parts.nested if nested is None else nested
            parts.require_form(nested=nested)
            inputs, expectations = parts.inputs, parts.expectations
            shown = {}
            if combination.values:
                shown = {name: v for name, v in combination.values.items() if name != hidden}
                for variable in shown:
                    inputs.pop(variable, None)
            if combination is first:
                body = _body(inputs, expectations)
                row_id = self._ids.claim(parts.id, body, answered.number)
            if combination.values:
                inputs |= shown
                body = _body(inputs, expectations)
            if spec.expected is not None and is_empty(answered.answer):
                expectations = {}
            example_id = row_id + combination.suffix
            example = Example(example_id, inputs, expectations, parts.metadata, parts.reserved)
            yield self._row(example, parts, body)
        if nested is None:
            raise WorkbenchError("0 rows", where=source.name, fix="add at least one row")
        if spec.stratify == "expected" and not self._labelled:
            message = "`stratify: expected`, but no row has an expected value"
            raise WorkbenchError(message, where=source.name, fix="add `expected: COLUMN`")

    def _row(self, example: Example, parts: RowParts, body: str) -> _Row:
        number = parts.answered.number
        self.answers.add(number, parts.answered.answer)
        self.summary.add(number, example.inputs, example.expectations)
        for column in example.reserved:
            self.reserved[column] = None
        self._count += 1
        self._labelled = self._labelled or bool(example.expectations)
        stratify = self._spec.stratify
        group = self._group(parts) if self._are_grouped else None
        stratum = "" if stratify is None else self._stratum(parts, example, stratify)
        return _Row(number, example, body, group, stratum)

    def _group(self, parts: RowParts) -> str | None:
        if self._spec.cluster is not None:
            value = parts.column(self._spec.cluster)
            if value is not None and value != "":
                return canonical_json(value)
        several = len(self._combinations) > 1
        return f"row {parts.answered.number}" if several else None

    def _stratum(self, parts: RowParts, example: Example, column: str) -> str:
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
        self.numbers: list[int | None] = []
        self._column = spec.cluster
        self._is_used = bool(spec.cluster) or len(combinations(spec.vars or {})) > 1
        self._numbers: dict[str, int] = {}
        self._rows: dict[int, int | None] = {}  # of each row of the source, its group

    def add(self, row: _Row) -> None:
        """Add the next row; without a column and lists of variables there are no groups."""
        if self._is_used:
            group = row.group
            number = None if group is None else self._numbers.setdefault(group, len(self._numbers))
            self.numbers.append(number)
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


class _Ids:
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
