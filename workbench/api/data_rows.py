"""Rows of a notebook as JSON: data frames, tables, lists of dicts, dicts of columns.

>>> list(json_rows([{"text": "A fun ride.", "label": "positive"}]))
[{'text': 'A fun ride.', 'label': 'positive'}]
>>> list(json_rows({"text": ["A fun ride.", "Dull."], "stars": [5, float("nan")]}))
[{'text': 'A fun ride.', 'stars': 5}, {'text': 'Dull.', 'stars': None}]

A row's number counts from 0, as in Python: `data[0]` in messages.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.canonical import JSON
from workbench.dataset.values import row_as_json
from workbench.errors import WorkbenchError
from workbench.serving.table_rows import frame_rows, plain_value

METHODS = ("to_dicts", "to_pylist", "to_list")  # of polars, pyarrow and datasets
FIX = "data=frame, or a list of dicts: data=[{'text': '…', 'label': '…'}]"


def json_rows(data: object) -> Iterator[dict[str, JSON]]:
    """Each row of `data` as JSON; a missing value is None.

    Raises:
        WorkbenchError: it is no table, or a value is not JSON, with its row and column.
    """
    for number, row in enumerate(_rows(data)):
        where = f"data[{number}]"
        if not isinstance(row, Mapping):
            message = f"{type(row).__name__} is not a row: a dict of columns"
            raise WorkbenchError(message, where=where, fix=FIX)
        for column in row:
            if not isinstance(column, str):
                message = f"the column {column!r} has no name that a template could use"
                fix = "rename it, as in frame.rename(columns=str) or frame.columns = ['text', …]"
                raise WorkbenchError(message, where="data", fix=fix)
        yield row_as_json({column: plain_value(value) for column, value in row.items()}, where)


def _rows(data: Any) -> Iterable[Any]:
    if type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "columns"):
        return frame_rows(data)
    if isinstance(data, Mapping):
        return _transposed(data)
    for method in METHODS:
        if callable(read := getattr(data, method, None)):
            return read()  # type: ignore[no-any-return]
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise WorkbenchError(f"{type(data).__name__} is no table", where="data", fix=FIX)
    return data


def _transposed(columns: Mapping[Any, Any]) -> Iterable[dict[Any, Any]]:
    """The rows of a dict of columns."""
    columns = {name: _listed(values) for name, values in columns.items()}
    if not all(isinstance(values, list | tuple) for values in columns.values()):
        splits = all(hasattr(values, "column_names") for values in columns.values())
        fix = f"data=dataset[{next(iter(columns), '')!r}]" if splits and columns else FIX
        message = (
            "a dict of splits is no table" if splits else "a dict of single values is no table"
        )
        raise WorkbenchError(message, where="data", fix=fix)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        listed = ", ".join(f"{name}: {len(values)}" for name, values in columns.items())
        message = f"the columns have different numbers of rows: {listed}"
        raise WorkbenchError(message, where="data", fix="give each column one value per row")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _listed(values: Any) -> Any:
    """A Series or an array as a list."""
    is_array = hasattr(values, "tolist") and getattr(values, "ndim", 0) == 1
    return values.tolist() if is_array else values
