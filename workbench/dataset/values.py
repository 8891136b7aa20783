"""Values of tables and libraries as JSON.

>>> as_json(datetime.date(2024, 2, 29))
'2024-02-29'
"""

import datetime
import math
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.dataset.columns import yaml_list
from workbench.errors import WorkbenchError


def as_json(value: object) -> JSON:
    """`value` as JSON data; dates and times become ISO 8601 strings, NaN (a missing cell) null.

    Raises:
        ValueError: JSON has no such value: bytes, decimals, images, infinities, …
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            raise ValueError(f"{value} is not a JSON number; write null for a missing number")
        return value
    if isinstance(value, datetime.date | datetime.datetime | datetime.time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: as_json(entry) for key, entry in value.items()}
    raise ValueError(f"{type(value).__name__} is not a JSON type; store a string or a number")


def row_as_json(row: Mapping[str, object], where: str) -> dict[str, JSON]:
    """Every value of `row` as JSON.

    Raises:
        WorkbenchError: a value that is not JSON, with its column.
    """
    values: dict[str, JSON] = {}
    for column, value in row.items():
        if column == "inputs" and isinstance(value, Mapping):  # of a nested row
            values[column] = row_as_json(value, where)
            continue
        try:
            values[column] = as_json(value)
        except ValueError as error:
            message, _, fix = str(error).partition("; ")
            fix += f", or leave the column out: `drop: {yaml_list([column])}`"
            raise WorkbenchError(f"column {column!r}: {message}", where=where, fix=fix) from error
    return values
