"""Parquet as rows, a batch at a time. The only module that imports pyarrow for data."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.canonical import JSON
from workbench.dataset.columns import check_unique
from workbench.dataset.selected_columns import ColumnSelection
from workbench.dataset.values import row_as_json
from workbench.errors import WorkbenchError

_BATCH_ROWS = 1024


def read_parquet(
    path: Path, name: str, selection: ColumnSelection
) -> Iterator[tuple[int, Mapping[str, JSON]]]:
    """The rows of a Parquet file, numbered from 1; dates become ISO 8601 strings, NaN null.

    Raises:
        WorkbenchError: it is not Parquet, or a column holds bytes, decimals or infinities.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield from _read_rows(file, name, selection)
    except (pa.ArrowException, OSError) as error:
        fix = "check the file's format and suffix, or write the file again"
        raise WorkbenchError(f"can't be read as Parquet: {error}", where=name, fix=fix) from error


def _read_rows(
    file: pq.ParquetFile, name: str, selection: ColumnSelection
) -> Iterator[tuple[int, Mapping[str, JSON]]]:
    names = file.schema_arrow.names
    selection.note_columns(names)
    columns = [column for column in names if selection.keeps(column)]
    check_unique([selection.name(column) for column in columns], name)
    read = None if selection.is_complete else columns
    batches = file.iter_batches(batch_size=_BATCH_ROWS, columns=read)
    for number, row in enumerate((row for batch in batches for row in batch.to_pylist()), 1):
        yield number, row_as_json(selection.select(row), f"{name} row {number}")
