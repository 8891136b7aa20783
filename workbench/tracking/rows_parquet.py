"""All rows of a variant that has more rows than traces: the artifact rows.parquet.

    row  id  repeat  inputs         expectations  state  output    …  exact_match/score
    3    r3  0       {"text": "…"}  {…}           ok     positive  …  1.0

Rows come in any order. They wait in an unnamed temporary file, which the system deletes even after
a kill, and are sorted into the dataset's order at the end, some thousand in memory at a time.
"""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workbench.canonical import JSON, finite_numbers, ordered_json
from workbench.evaluator import Evaluator, Score
from workbench.model import Completion
from workbench.results.types import Row
from workbench.tracking.protocol import RowRecord

FILE_NAME = "rows.parquet"
CLUSTER = "row_cluster"  # column of the cluster of dependent rows; None: every row is independent
BATCH = 10_000  # rows sorted together: they come almost in order

ReadValue = Callable[[Row, Completion], object]
# The type of each column and its value of a row.
COLUMNS: dict[str, tuple[pa.DataType, ReadValue]] = {
    "id": (pa.string(), lambda row, _: row.cell.example.id),
    "repeat": (pa.int64(), lambda row, _: row.cell.repeat),
    "inputs": (pa.string(), lambda row, _: json.dumps(dict(row.cell.example.inputs))),
    "expectations": (pa.string(), lambda row, _: json.dumps(dict(row.cell.example.expectations))),
    "state": (pa.string(), lambda _, completion: completion.state),
    "output": (pa.string(), lambda _, completion: completion.text),
    "error": (pa.string(), lambda _, completion: completion.error),
    "finish_reason": (pa.string(), lambda _, completion: completion.finish_reason),
    "input_tokens": (pa.int64(), lambda _, completion: completion.usage.input_tokens),
    "output_tokens": (pa.int64(), lambda _, completion: completion.usage.output_tokens),
    "latency_s": (pa.float64(), lambda _, completion: completion.latency_s),
    "prefill": (pa.string(), lambda _, completion: completion.prefill),
    "reasoning": (pa.string(), lambda _, completion: completion.reasoning),
    "attempts": (pa.int64(), lambda _, completion: completion.attempts),
    "choice_scores": (
        pa.string(),
        lambda _, completion: _json(finite_numbers(completion.choice_scores)),
    ),
    "choice_tokens": (pa.string(), lambda _, completion: _json(completion.choice_tokens)),
    "tool_calls": (
        pa.string(),
        lambda _, completion: _json(list(completion.tool_calls) or None),
    ),
    "reply_model": (pa.string(), lambda _, completion: completion.model),
    "cached_tokens": (pa.int64(), lambda _, completion: completion.usage.cached_tokens),
    "reasoning_tokens": (pa.int64(), lambda _, completion: completion.usage.reasoning_tokens),
}
SCORE_COLUMNS: dict[str, tuple[pa.DataType, Callable[[Score], object]]] = {
    "score": (pa.float64(), lambda score: _number(score.value)),
    "category": (pa.string(), lambda score: _category(score.value)),
    "label": (pa.string(), lambda score: score.label),
    "parsed": (pa.string(), lambda score: score.parsed),
    "reason": (pa.string(), lambda score: score.reason),
    "error": (pa.string(), lambda score: score.error),
}


class RowsParquet:
    """The rows of one variant; each evaluator adds its own columns."""

    def __init__(self, evaluators: Sequence[Evaluator]) -> None:
        self._evaluators = [e.name for e in evaluators if not e.traits.by_column]
        types = {
            "row": pa.int64(),
            CLUSTER: pa.int64(),
            **{name: kind for name, (kind, _) in COLUMNS.items()},
        }
        for name in self._evaluators:
            types |= {f"{name}/{column}": kind for column, (kind, _) in SCORE_COLUMNS.items()}
        self._schema = pa.schema(types)
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by `write`
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        self._writer = pa.ipc.new_file(self._file, self._schema, options=options)
        self._spans: list[tuple[int, int]] = []  # first and last row of each batch in the file

    def add(self, records: Sequence[RowRecord]) -> None:
        """Add rows, in any order."""
        rows = [self._row(record) for record in records]
        self._writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))
        numbers = [record.number for record in records]
        self._spans.append((min(numbers), max(numbers)))

    def write(self, folder: Path) -> Path:
        """Write all rows in order, and return the file; nothing can be added afterwards."""
        self._writer.close()
        file = folder / FILE_NAME
        rows = 1 + max((last for _, last in self._spans), default=-1)
        with self._file, pq.ParquetWriter(file, self._schema, compression="zstd") as writer:
            reader = pa.ipc.open_file(self._file)
            for start in range(0, rows, BATCH):
                writer.write_table(self._read(reader, start, start + BATCH))
        return file

    def _read(self, reader: pa.RecordBatchFileReader, start: int, end: int) -> pa.Table:
        """The rows from `start` to before `end`, in order; reads only batches that hold any."""
        batches = []
        for number, (first, last) in enumerate(self._spans):
            if first < end and last >= start:
                batch = reader.get_batch(number)
                row = batch.column("row")
                in_range = pc.and_(pc.greater_equal(row, start), pc.less(row, end))
                batches.append(batch.filter(in_range))
        return pa.Table.from_batches(batches, self._schema).sort_by("row")

    def _row(self, record: RowRecord) -> dict[str, object]:
        row, completion = record.row, record.row.completion
        assert completion
        values = {name: read(row, completion) for name, (_, read) in COLUMNS.items()}
        for name in self._evaluators:
            if score := row.scores.get(name):
                for column, (_, read_score) in SCORE_COLUMNS.items():
                    values[f"{name}/{column}"] = read_score(score)
        return {"row": record.number, CLUSTER: record.cluster, **values}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _category(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _json(value: JSON) -> str | None:
    return None if value is None else ordered_json(value)
