"""Rows as examples: which column is the id, which the right answer, which belong to templates.

{"id": 17, "text": "A fun ride.", "label": "positive", "split": "dev"}      flat, expected: label
{"id": 17, "inputs": {"text": …}, "expectations": {"expected_response": …}} nested
-> Example("17", {"text": "A fun ride."}, {"expected_response": "positive"})
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.canonical import JSON, canonical_json
from workbench.dataset.types import EXPECTED, SPLIT, Dataset, DatasetSource, DatasetSpec, Example
from workbench.dataset.watch import ColumnWatch
from workbench.errors import WorkbenchError, unknown_name

Values = Mapping[str, JSON]

_BESIDE = frozenset({"id", "dataset_record_id", SPLIT, "tags", "outputs"})  # and mean nothing


def collect(
    source: DatasetSource, spec: DatasetSpec, *, name: str, limit: int | None = None
) -> Dataset:
    """The examples of `source` that `spec` selects, in order.

    With a limit only the first are kept; all are read, for the digest and for their errors.

    Raises:
        WorkbenchError: there are none, a column is missing, or two rows have the same id.
    """
    watch, ids, content = ColumnWatch(source), _Ids(source), hashlib.sha256()
    examples: list[Example] = []
    numbers: list[int] = []
    nested: bool | None = None
    rows = labelled = 0
    for number, values in _selected(source, spec):
        row = _Row(values, source.location(number))
        nested = row.nested if nested is None else nested
        if row.nested != nested:
            raise _mixed(row, nested)
        parts = row.nested_parts(spec) if nested else row.flat_parts(spec)
        body = canonical_json({"expectations": parts.expectations, "inputs": parts.inputs})
        identity = ids.claim(parts.id, body, number)
        content.update(f"{canonical_json(identity)}{body}\n".encode("ascii"))
        watch.see(number, parts.inputs, parts.expectations)
        rows += 1
        labelled += bool(parts.expectations)
        if limit is None or rows <= limit:
            examples.append(Example(identity, parts.inputs, parts.expectations))
            numbers.append(number)
    if not rows:
        raise WorkbenchError("0 rows", where=source.name, fix="a dataset has at least one row")
    return Dataset(
        name=name,
        source=source.name,
        examples=tuple(examples),
        digest=content.hexdigest(),
        columns=watch.columns,
        rows=rows,
        labelled=labelled,
        warnings=watch.warnings(),
        row_numbers=tuple(numbers),
        unit=source.unit,
    )


def _selected(source: DatasetSource, spec: DatasetSpec) -> Iterator[tuple[int, Values]]:
    if spec.split is None or spec.huggingface is not None:
        yield from source.rows
        return
    others: dict[str, None] = {}
    kept = 0
    for number, values in source.rows:
        if SPLIT not in values:
            what = f"there is no column {SPLIT!r} to find {spec.split!r} in"
            fix = f"the columns are {', '.join(values)}; leave `split:` out to take every row"
            raise WorkbenchError(what, where=source.location(number), fix=fix)
        if str(values[SPLIT]) == spec.split:
            kept += 1
            yield number, values
        elif len(others) < 100:
            others[str(values[SPLIT])] = None
    if others and not kept:
        error = unknown_name("split", spec.split, others, where=source.name)
        error.message = f"0 rows: {error.message}"
        error.args = (error.message,)
        raise error


@dataclass(frozen=True, slots=True)
class _Parts:
    id: JSON  # None: the row has none
    inputs: Values
    expectations: Values


@dataclass(frozen=True, slots=True)
class _Row:
    values: Values
    place: str

    @property
    def nested(self) -> bool:
        return isinstance(self.values.get("inputs"), Mapping)

    def flat_parts(self, spec: DatasetSpec) -> _Parts:
        inputs = dict(self.values)
        if isinstance(inputs.get("expectations"), Mapping):
            what = "the row has `expectations` and no `inputs`"
            fix = '{"inputs": {…}, "expectations": {…}}, or plain columns'
            raise WorkbenchError(what, where=self.place, fix=fix)
        identity = self._id(spec, "id")
        inputs.pop(spec.id or "id", None)
        inputs.pop(SPLIT, None)
        if spec.expected is None:
            return _Parts(identity, inputs, {})
        if spec.expected not in inputs:
            raise unknown_name("column", spec.expected, inputs, where=self.place)
        answer = inputs.pop(spec.expected)
        return _Parts(identity, inputs, {} if answer is None else {EXPECTED: answer})

    def nested_parts(self, spec: DatasetSpec) -> _Parts:
        if spec.expected is not None:
            what = f"`expected: {spec.expected}`, but this row has expectations of its own"
            fix = "leave `expected:` out; evaluators read `expectations` as it stands"
            raise WorkbenchError(what, where=self.place, fix=fix)
        allowed = _BESIDE | {"inputs", "expectations", spec.id}
        stray = [key for key in self.values if key not in allowed]
        if stray:
            what = f"the row has `inputs` and beside them a column {stray[0]!r}"
            fix = f"put {stray[0]!r} into `inputs` or `expectations`"
            raise WorkbenchError(what, where=self.place, fix=fix)
        expectations = self.values.get("expectations")
        if not isinstance(expectations, Mapping | None):
            what = f"`expectations` is {expectations!r}, not an object"
            raise WorkbenchError(what, where=self.place, fix=f'{{"{EXPECTED}": …}}')
        return _Parts(
            self._id(spec, "id", "dataset_record_id"), self.values["inputs"], expectations or {}
        )

    def _id(self, spec: DatasetSpec, *usual: str) -> JSON:
        if spec.id is not None and spec.id not in self.values:
            raise unknown_name("column", spec.id, self.values, where=self.place)
        wanted = (spec.id,) if spec.id is not None else usual
        column = next((name for name in wanted if name in self.values), None)
        if column is None:
            return None
        value = self.values[column]
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            said = "null" if value is None else f"{value!r:.60}"
            what = f"the id is {said}, not a text or a whole number"
            raise WorkbenchError(what, where=self.place, fix=f"fill column {column!r}")
        return str(value)


class _Ids:
    """Every id once; rows without one are named after their content."""

    def __init__(self, source: DatasetSource) -> None:
        self._source = source
        self._numbers: dict[str, int] = {}
        self._copies: dict[str, int] = {}

    def claim(self, given: JSON, body: str, number: int) -> str:
        """The row's id: `given`, or else digits of `body`'s digest and, from 2, its occurrence."""
        identity = given if given is not None else self._from_content(body)
        first = self._numbers.setdefault(identity, number)
        if first != number:
            raise WorkbenchError(
                f"the id {identity!r} is taken by {self._source.location(first)}",
                where=self._source.location(number),
                fix="give each row an id of its own, or leave ids out",
            )
        return str(identity)

    def _from_content(self, body: str) -> str:
        stem = hashlib.sha256(body.encode("ascii")).hexdigest()[:16]
        copy = self._copies[stem] = self._copies.get(stem, 0) + 1
        return stem if copy == 1 else f"{stem}-{copy}"


def _mixed(row: _Row, nested: bool) -> WorkbenchError:
    here, before = ("no", "one") if nested else ("an", "none")
    return WorkbenchError(
        f"this row has {here} `inputs` object, those before it have {before}",
        where=row.place,
        fix="one form for the whole dataset: plain columns, or inputs and expectations",
    )
