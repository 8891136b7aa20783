"""The parts of a row: its id, inputs, expectations and metadata.

{"id": 17, "text": "A fun ride.", "label": "positive", "split": "dev"}      flat, expected: label
{"id": 17, "inputs": {"text": …}, "expectations": {"expected_response": …}} nested

Both have the id 17, the inputs {"text": "A fun ride."} and the expectations
{"expected_response": "positive"}. A nested row may have `metadata` beside them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from workbench.canonical import JSON
from workbench.dataset.columns import yaml_list
from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.expected import Answered
from workbench.dataset.types import EXPECTED, SPLIT, DatasetSource
from workbench.errors import WorkbenchError, unknown_name

Values = Mapping[str, JSON]

RECORD_ID = "dataset_record_id"  # of MLflow's datasets
_IGNORED = frozenset({"id", RECORD_ID, SPLIT, "tags", "outputs"})  # in nested rows
_ID_FIX = "or ignore the column: `id: null`"


class RowParts(NamedTuple):
    """One row with its right answer; `inputs` may be read once.

    Attributes:
        nested: True for a row with `inputs`.
    """

    answered: Answered
    nested: bool
    source: DatasetSource
    spec: DatasetSpec

    @property
    def where(self) -> str:
        """The row's location, for messages."""
        return self.source.location(self.answered.number)

    def require_form(self, *, nested: bool) -> None:
        """Check that the row has the form of the rows before it.

        Raises:
            WorkbenchError: it hasn't, or `expectations` stand beside plain columns.
        """
        if self.nested != nested:
            here, before = ("no", "one") if nested else ("an", "none")
            message = f"this row has {here} `inputs` object; the rows before it have {before}"
            fix = "use one form in the whole dataset: plain columns, or inputs and expectations"
            raise self._error(message, fix)
        values = self.answered.values
        if not nested and "expectations" in values and isinstance(values["expectations"], Mapping):
            fix = 'use {"inputs": {…}, "expectations": {…}}, or plain columns'
            raise self._error("the row has `expectations` but no `inputs`", fix)

    @property
    def id(self) -> JSON:
        """None: the row has none."""
        spec, values = self.spec, self.answered.values
        if spec.id is not None and spec.id not in values:
            raise unknown_name("column", spec.id, values, where=self.where)
        for column in self._id_columns():
            if column in values:
                break
        else:
            return None
        value = values[column]
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            shown = "null" if value is None else f"{value!r:.60}"
            message = f"the id is {shown}, not a string or a whole number"
            raise self._error(message, f"fill in column {column!r}, {_ID_FIX}")
        return str(value)

    def _id_columns(self) -> Sequence[str]:
        columns = self.spec.id_columns
        return ("id", RECORD_ID) if self.nested and columns == ("id",) else columns

    @property
    def inputs(self) -> dict[str, JSON]:
        """The inputs, without the answer, the id and the split."""
        values, remaining = self.answered.values, self.answered.remaining
        if self.nested:
            return dict((values if remaining is None else remaining).get("inputs", {}))
        inputs = dict(values) if remaining is None else remaining
        for column in (*self.spec.id_columns, SPLIT):
            inputs.pop(column, None)
        return inputs

    @property
    def expectations(self) -> Values:
        """The right answer, or the expectations of a nested row."""
        if self.nested and self.spec.expected is None:
            return self._object("expectations", f'write {{"{EXPECTED}": …}}')
        answer = self.answered.answer
        return {} if answer is None else {EXPECTED: answer}

    @property
    def metadata(self) -> Values:
        """The metadata of a nested row; a flat row has none."""
        if not self.nested:
            return {}
        allowed = {"inputs", "expectations", "metadata", self.spec.id, self.spec.cluster}
        remaining = self.answered.remaining
        for column in self.answered.values if remaining is None else remaining:
            if column not in allowed and column not in _IGNORED:
                fix = f"move {column!r} into `inputs`, `expectations` or `metadata`, or "
                fix += f"`drop: {yaml_list([column])}`"
                raise self._error(f"the row has a column {column!r} beside `inputs`", fix)
        return self._object("metadata", 'write {"source": "web"}')

    @property
    def reserved(self) -> Values:
        """The columns of the id and the split, which are no inputs."""
        values = self.answered.values
        columns = ("id",) if self.nested and not self.spec.id_columns else self.spec.id_columns
        return {name: values[name] for name in (*columns, SPLIT) if name in values}

    def column(self, column: str) -> JSON:
        """The value of a column of the row or, in a nested row, of its inputs or metadata."""
        columns: dict[str, JSON] = {**self.answered.values}
        if self.nested:
            columns = {**self.metadata, **columns["inputs"], **columns}
        if column not in columns:
            raise unknown_name("column", column, columns, where=self.where)
        return columns[column]

    def _object(self, column: str, fix: str) -> Values:
        value = self.answered.values.get(column)
        if not isinstance(value, Mapping | None):
            raise self._error(f"`{column}` is {value!r}, not an object", fix)
        return value or {}

    def _error(self, message: str, fix: str) -> WorkbenchError:
        return WorkbenchError(message, where=self.where, fix=fix)
