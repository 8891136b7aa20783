"""Rows as examples: which column is the id, the expected answer, an input.

{"id": 17, "text": "A fun ride.", "label": "positive", "split": "dev"}      flat, expected: label
{"id": 17, "inputs": {"text": …}, "expectations": {"expected_response": …}} nested

Both become Example("17", {"text": "A fun ride."}, {"expected_response": "positive"}).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.canonical import JSON, canonical_json
from workbench.dataset.columns import ColumnSummary
from workbench.dataset.expected import Answered, is_empty, is_nested, read_expected
from workbench.dataset.expected_values import ExpectedValues
from workbench.dataset.types import EXPECTED, SPLIT, Dataset, DatasetSource, DatasetSpec, Example
from workbench.errors import WorkbenchError, unknown_name
from workbench.prompt.renderer import Renderer

Values = Mapping[str, JSON]

_IGNORED = frozenset({"id", "dataset_record_id", SPLIT, "tags", "outputs"})  # in nested rows


def collect_examples(
    source: DatasetSource,
    spec: DatasetSpec,
    *,
    name: str,
    limit: int | None = None,
    renderer: Renderer | None = None,
) -> Dataset:
    """The examples of `source` that `spec` selects, in order.

    With a limit only the first are kept; all are read, for the digest and for their errors.

    Raises:
        WorkbenchError: there are none, a column is missing, or two rows have the same id.
    """
    summary, ids, content = ColumnSummary(source), _Ids(source), hashlib.sha256()
    groups, answers = _Groups(spec.cluster), ExpectedValues(source, spec.expected)
    examples, numbers = list[Example](), list[int]()
    rows = labelled = 0
    for row, declared_id, body, inputs, expectations in _read_parts(source, spec, renderer):
        number = row.answered.number
        row_id = ids.claim(declared_id, body, number)
        content.update(f"{canonical_json(row_id)}{body}\n".encode("ascii"))
        answers.add(number, row.answered.answer)
        summary.add(number, inputs, expectations)
        groups.add(row)
        rows, labelled = rows + 1, labelled + bool(expectations)
        if limit is None or rows <= limit:
            examples.append(Example(row_id, inputs, expectations))
            numbers.append(number)
    return Dataset(
        name=name,
        source=source.name,
        examples=tuple(answers.as_integers(examples)),
        digest=content.hexdigest(),
        columns=summary.columns,
        expected=spec.expected or "",
        rows=rows,
        labelled=labelled,
        warnings=(*summary.warnings(), *groups.warnings(), *answers.warnings()),
        row_numbers=tuple(numbers),
        unit=source.unit,
        cluster=spec.cluster or "",
        groups=tuple(groups.numbers[: len(examples)]),
    )


def _read_parts(
    source: DatasetSource, spec: DatasetSpec, renderer: Renderer | None
) -> Iterator[tuple["_Row", JSON, str, Values, Values]]:
    """Each row with its id, its content as JSON, its inputs and its expectations."""
    nested: bool | None = None
    for answered in read_expected(source, _select_split(source, spec), spec.expected, renderer):
        row = _Row(answered, source.location(answered.number), spec)
        nested = row.nested if nested is None else nested
        row_id, inputs, expectations = row.parts(nested)
        body = canonical_json({"expectations": expectations, "inputs": inputs})
        if not nested and is_empty(answered.answer):
            expectations = {}
        yield row, row_id, body, inputs, expectations
    if nested is None:
        raise WorkbenchError("0 rows", where=source.name, fix="add at least one row")


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


@dataclass(frozen=True, slots=True)
class _Row:
    answered: Answered
    where: str
    spec: DatasetSpec

    @property
    def values(self) -> Values:
        return self.answered.values

    @property
    def nested(self) -> bool:
        return is_nested(self.values)

    def parts(self, nested: bool) -> tuple[JSON, Values, Values]:
        """Id (None: the row has none), inputs and expectations; `nested` as the rows before it."""
        if self.nested != nested:
            here, before = ("no", "one") if nested else ("an", "none")
            message = f"this row has {here} `inputs` object; the rows before it have {before}"
            fix = "use one form in the whole dataset: plain columns, or inputs and expectations"
            raise self._error(message, fix)
        return self._nested_parts() if nested else self._flat_parts()

    def _flat_parts(self) -> tuple[JSON, Values, Values]:
        spec, remaining = self.spec, self.answered.remaining
        inputs = dict(self.values) if remaining is None else dict(remaining)
        if isinstance(inputs.get("expectations"), Mapping):
            fix = 'use {"inputs": {…}, "expectations": {…}}, or plain columns'
            raise self._error("the row has `expectations` but no `inputs`", fix)
        row_id = self._id("id")
        inputs.pop(spec.id or "id", None)
        inputs.pop(SPLIT, None)
        answer = self.answered.answer
        return row_id, inputs, {} if answer is None else {EXPECTED: answer}

    def _nested_parts(self) -> tuple[JSON, Values, Values]:
        allowed = _IGNORED | {"inputs", "expectations", self.spec.id, self.spec.cluster}
        for column in self.values:
            if column not in allowed:
                fix = f"move {column!r} into `inputs` or `expectations`"
                raise self._error(f"the row has a column {column!r} beside `inputs`", fix)
        expectations = self.values.get("expectations")
        if not isinstance(expectations, Mapping | None):
            fix = f'write {{"{EXPECTED}": …}}'
            raise self._error(f"`expectations` is {expectations!r}, not an object", fix)
        return self._id("id", "dataset_record_id"), self.values["inputs"], expectations or {}

    def _id(self, *default_columns: str) -> JSON:
        id_column = self.spec.id
        if id_column is not None and id_column not in self.values:
            raise unknown_name("column", id_column, self.values, where=self.where)
        columns = default_columns if id_column is None else (id_column,)
        column = next((name for name in columns if name in self.values), None)
        if column is None:
            return None
        value = self.values[column]
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            shown = "null" if value is None else f"{value!r:.60}"
            message = f"the id is {shown}, not a string or a whole number"
            raise self._error(message, f"fill in column {column!r}")
        return str(value)

    def value(self, column: str) -> JSON:
        """The value of a column of the row or, in a nested row, of its inputs."""
        columns = {**self.values["inputs"], **self.values} if self.nested else self.values
        if column not in columns:
            raise unknown_name("column", column, columns, where=self.where)
        return columns[column]

    def _error(self, message: str, fix: str) -> WorkbenchError:
        return WorkbenchError(message, where=self.where, fix=fix)


class _Groups:
    """Number of each row's group, by first appearance; None where the column is null or empty."""

    def __init__(self, column: str | None) -> None:
        self.numbers: list[int | None] = []
        self._column = column
        self._numbers: dict[str, int] = {}

    def add(self, row: _Row) -> None:
        """Add the next row; without a column there are no groups."""
        if self._column is None:
            return
        value = row.value(self._column)
        group = None
        if value is not None and value != "":
            group = self._numbers.setdefault(canonical_json(value), len(self._numbers))
        self.numbers.append(group)

    def warnings(self) -> Iterator[str]:
        """A column that groups nothing, or all rows."""
        rows, groups = len(self.numbers), len(set(self.numbers) - {None})
        if rows > 1 and groups == rows - self.numbers.count(None):
            yield f"`cluster: {self._column}` groups no rows: no two have the same value"
        elif rows > 1 and groups == 1 and None not in self.numbers:
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
            fix = "give each row its own id, or leave ids out"
            raise WorkbenchError(message, where=self._source.location(number), fix=fix)
        return str(unique_id)

    def _from_content(self, body: str) -> str:
        stem = hashlib.sha256(body.encode("ascii")).hexdigest()[:16]
        copy = self._copies[stem] = self._copies.get(stem, 0) + 1
        return stem if copy == 1 else f"{stem}-{copy}"
