"""Rows of data frames and values of numpy as plain data, for notebooks and packaged models alike.

frame_rows(DataFrame({"text": ["A fun ride.", "Dull."], "stars": [5, None]}))
->  [{"text": "A fun ride.", "stars": 5}, {"text": "Dull.", "stars": <NA>}]

plain_value([numpy.int64(5), pandas.NA, numpy.array(["a"])])  ->  [5, None, ["a"]]
"""

from collections.abc import Mapping
from typing import Any

from workbench.errors import WorkbenchError

MAX_EXACT = 2**53  # below, each whole number is a float


def frame_rows(frame: Any) -> list[dict[Any, Any]]:
    """Return the rows of a frame of pandas; a named index is a column.

    Raises:
        WorkbenchError: two columns have one name.
    """
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


def plain_value(value: Any) -> Any:
    """Return the value without types of numpy and pandas; NA and NaT are None."""
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
