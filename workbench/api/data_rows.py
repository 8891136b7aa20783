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

MAX_EXACT = 2**53  # below, each whole number is a float
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
        return _frame_rows(data)
    if isinstance(data, Mapping):
        return _transposed(data)
    for method in METHODS:
        if callable(read := getattr(data, method, None)):
            return read()  # type: ignore[no-any-return]
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise WorkbenchError(f"{type(data).__name__} is no table", where="data", fix=FIX)
    return data


def _frame_rows(frame: Any) -> list[dict[Any, Any]]:
    """The rows of a frame of pandas; a named index is a column."""
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        message = f"the frame has two columns {twice!r}"
        raise WorkbenchError(message, where="data", fix="rename one, or leave it out")
    names = [name for name in frame.index.names if name is not None]
    for name in names:
        values = frame.index.get_level_values(name)
        if name in frame.columns and values.tolist() != frame[name].tolist():
            message = f"the frame's index and one of its columns are called {name!r}"
            fix = "frame.reset_index(drop=True), or frame.rename_axis('another_name')"
            raise WorkbenchError(message, where="data", fix=fix)
    for name in frame.columns:
        if frame[name].dtype.kind == "f" and _are_counts(frame[name]):
            frame = frame.assign(**{name: frame[name].astype("Int64")})
    added = [name for name in names if name not in frame.columns]
    rows: list[dict[Any, Any]] = (frame.reset_index(added) if added else frame).to_dict("records")
    return rows


def _are_counts(column: Any) -> bool:
    """True for whole numbers that pandas holds as floats because one is missing."""
    numbers = column.dropna()
    exact = bool((numbers % 1 == 0).all() and (numbers.abs() < MAX_EXACT).all())
    return 0 < len(numbers) < len(column) and exact


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


def plain_value(value: Any) -> Any:
    """The value without types of numpy and pandas; NA and NaT are None."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple):
        return [plain_value(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key: plain_value(entry) for key, entry in value.items()}
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        return plain_value(value.tolist())
    return value
