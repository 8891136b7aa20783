"""Parquet as rows, a batch at a time. The only module that imports pyarrow for data."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.canonical import JSON
from workbench.dataset.values import row_as_json
from workbench.errors import WorkbenchError

_BATCH = 1024


def read_parquet(path: Path, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The rows of a Parquet file, numbered from 1; dates become ISO 8601 text.

    Raises:
        WorkbenchError: it is no Parquet, or a column holds bytes, decimals or NaN.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield from _rows(file, name)
    except (pa.ArrowException, OSError) as error:
        raise WorkbenchError(
            f"can't be read as Parquet: {error}",
            where=name,
            fix="name it as what it is, or write it anew",
        ) from error


def _rows(file: pq.ParquetFile, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    columns = file.schema_arrow.names
    twice = [column for index, column in enumerate(columns) if column in columns[:index]]
    if twice:
        what = f"two columns are named {twice[0]!r}"
        raise WorkbenchError(what, where=name, fix="name each column once")
    number = 0
    for batch in file.iter_batches(batch_size=_BATCH):
        for row in batch.to_pylist():
            number += 1
            yield number, row_as_json(row, f"{name} row {number}")
