"""All rows of a variant that is too large for a trace a row: one artifact, rows.parquet.

row  id  repeat  inputs         expectations  state  output    …  exact_match/score
3    r3  0       {"text": "…"}  {…}           ok     positive     1.0

Rows come in any order; until all are there they lie in a file without a name, which no kill leaves
behind, and are put into the dataset's order at the end, some thousand in memory at a time.
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

NAME = "rows.parquet"
AT_ONCE = 10_000  # rows put in order together: they come nearly so
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
SAID: Mapping[str, pa.DataType] = {  # of an evaluator; a category has no score
    "score": pa.float64(),
    "category": pa.string(),
    "label": pa.string(),
    "reason": pa.string(),
    "error": pa.string(),
}


class RowsParquet:
    """The rows of one variant.

    Args:
        evaluators: of each, what it says of a row has columns of its own.
    """

    def __init__(self, evaluators: Sequence[Evaluator]) -> None:
        self._names = [one.name for one in evaluators]
        own = [(f"{name}/{key}", kind) for name in self._names for key, kind in SAID.items()]
        self._schema = pa.schema([*COLUMNS.items(), *own])
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by `write`
        packed = pa.ipc.IpcWriteOptions(compression="zstd")
        self._writer = pa.ipc.new_file(self._file, self._schema, options=packed)
        self._spans: list[tuple[int, int]] = []  # of each batch in the file, its first and last row

    def add(self, entries: Sequence[RowRecord]) -> None:
        """Some rows more."""
        rows = [self._row(entry) for entry in entries]
        self._writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=self._schema))
        numbers = [entry.number for entry in entries]
        self._spans.append((min(numbers), max(numbers)))

    def write(self, folder: Path) -> Path:
        """The file with all of them in order; none is added after it."""
        self._writer.close()
        file = folder / NAME
        rows = 1 + max((last for _, last in self._spans), default=-1)
        with self._file, pq.ParquetWriter(file, self._schema, compression="zstd") as writer:
            reader = pa.ipc.open_file(self._file)
            for start in range(0, rows, AT_ONCE):
                writer.write_table(self._between(reader, start, start + AT_ONCE))
        return file

    def _between(self, reader: pa.RecordBatchFileReader, start: int, end: int) -> pa.Table:
        """Some of the rows, in order; only the batches that hold one of them are read."""
        found = []
        for number, (first, last) in enumerate(self._spans):
            if first < end and last >= start:
                batch = reader.get_batch(number)
                row = batch.column("row")
                wanted = pc.and_(pc.greater_equal(row, start), pc.less(row, end))
                found.append(batch.filter(wanted))
        return pa.Table.from_batches(found, self._schema).sort_by("row")

    def _row(self, entry: RowRecord) -> dict[str, object]:
        example, answer = entry.row.cell.example, entry.row.completion
        assert answer
        row: dict[str, object] = {
            "row": entry.number,
            "id": _plain(example.id),
            "repeat": entry.row.cell.repeat,
            "inputs": json.dumps(dict(example.inputs)),
            "expectations": json.dumps(dict(example.expectations)),
            "state": answer.state,
            "output": _plain(answer.text),
            "error": _plain(answer.error),
            "finish_reason": answer.finish_reason,
            "input_tokens": answer.usage.input_tokens,
            "output_tokens": answer.usage.output_tokens,
            "latency_s": answer.latency_s,
        }
        for name in self._names:
            row |= {f"{name}/{key}": value for key, value in _said(entry.row.scores.get(name))}
        return row


def _said(score: Score | None) -> list[tuple[str, object]]:
    """What an evaluator says of a row, by the words of SAID."""
    if score is None:
        return []
    value = score.value
    return [
        ("score", None if value is None or isinstance(value, str) else float(value)),
        ("category", _plain(value) if isinstance(value, str) else None),
        ("label", _plain(score.label)),
        ("reason", _plain(score.reason)),
        ("error", _plain(score.error)),
    ]


def _plain(text: str) -> str:
    """`text` as UTF-8 can hold it: a lone surrogate is replaced."""
    return text.encode("utf-8", "replace").decode()
