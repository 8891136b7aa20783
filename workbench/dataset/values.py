"""Rows of tables and libraries as JSON.

>>> import datetime
>>> row_as_json({"day": datetime.date(2024, 2, 29)}, "rows.parquet")
{'day': '2024-02-29'}
"""

from collections.abc import Mapping

from workbench.canonical import JSON, as_json
from workbench.dataset.columns import yaml_list
from workbench.errors import WorkbenchError


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
