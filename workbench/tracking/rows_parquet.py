"""All rows of a variant that has more rows than traces: the artifact rows.parquet.

    row  id  repeat  inputs         expectations  state  output    …  exact_match/score
    3    r3  0       {"text": "…"}  {…}           ok     positive  …  1.0

Rows come in any order. They wait in an unnamed temporary file, which the system deletes even after
a kill, and are sorted into the dataset's order at the end, some thousand in memory at a time.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workbench.evaluator import Evaluator, Score
from workbench.tracking.protocol import RowRecord

FILE_NAME = "rows.parquet"
BATCH = 10_000  # rows sorted together: they come almost in order
COLUMNS: Mapping[str, pa.DataType] = {
    "row": pa.int64(),
    "id": pa.string(),
    "repeat": pa.int64(),
    "inputs": pa.string(),
    "expectations": pa.string(),
    "state": pa.string(),
    "output": pa.string(),
    "error": pa.string(),
    "finish_reason": pa.string(),
    "input_tokens": pa.int64(),
    "output_tokens": pa.int64(),
    "latency_s": pa.float64(),
}
SCORE_COLUMNS: Mapping[str, pa.DataType] = {  # per evaluator; a category has no score
    "score": pa.float64(),
    "category": pa.string(),
    "label": pa.string(),
    "reason": pa.string(),
    "error": pa.string(),
}


class RowsParquet:
    """The rows of one variant.

    Args:
        evaluators: each adds its own columns.
    """

    def __init__(self, evaluators: Sequence[Evaluator]) -> None:
        self._evaluators = [evaluator.name for evaluator in evaluators]
        score_columns = [
            (f"{name}/{column}", kind)
            for name in self._evaluators
            for column, kind in SCORE_COLUMNS.items()
        ]
        self._schema = pa.schema([*COLUMNS.items(), *score_columns])
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
        example, completion = record.row.cell.example, record.row.completion
        assert completion
        row: dict[str, object] = {
            "row": record.number,
            "id": _valid(example.id),
            "repeat": record.row.cell.repeat,
            "inputs": json.dumps(dict(example.inputs)),
            "expectations": json.dumps(dict(example.expectations)),
            "state": completion.state,
            "output": _valid(completion.text),
            "error": _valid(completion.error),
            "finish_reason": completion.finish_reason,
            "input_tokens": completion.usage.input_tokens,
            "output_tokens": completion.usage.output_tokens,
            "latency_s": completion.latency_s,
        }
        for name in self._evaluators:
            if score := record.row.scores.get(name):
                row |= {f"{name}/{column}": value for column, value in _score_values(score)}
        return row


def _score_values(score: Score) -> list[tuple[str, object]]:
    value = score.value
    return [
        ("score", None if isinstance(value, str | None) else float(value)),
        ("category", _valid(value) if isinstance(value, str) else None),
        ("label", _valid(score.label)),
        ("reason", _valid(score.reason)),
        ("error", _valid(score.error)),
    ]


def _valid(text: str) -> str:
    """The text in valid UTF-8: a lone surrogate becomes `?`."""
    return text.encode("utf-8", "replace").decode()
