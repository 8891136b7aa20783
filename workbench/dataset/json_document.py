"""Rows of a JSON document: a list of objects, or what other programs write around or instead of it.

[{"text": "A", "label": 1}, …]                                   a list of objects
{"version": 2, "data": [{"text": "A"}, …]}                       a list in an object
{"features": […], "rows": [{"row_idx": 0, "row": {"text": "A"}}]}  the hub's data viewer
{"train": [{"text": "A"}, …], "test": […]}                       splits: `split: test`
{"text": ["A", "B"], "label": [1, 0]}                            columns
{"text": {"0": "A", "1": "B"}, "label": {"0": 1, "1": 0}}        pandas, orient="columns"
{"columns": ["text"], "index": [0], "data": [["A"]]}             pandas, orient="split"
{"q1": {"text": "A"}, "q2": {"text": "B"}}                       rows by id, orient="index"
"""

from collections.abc import Iterator, Mapping

from workbench.canonical import JSON
from workbench.dataset.columns import check_unique
from workbench.dataset.types import SPLIT
from workbench.errors import WorkbenchError, list_first, pluralize, unknown_name

# Names of the list of rows, of which a document has one.
WRAPPERS = (
    *("data", "rows", "examples", "instances", "records", "items", "samples", "entries"),
    *("questions", "test_cases", "tests", "cases", "goldens", "results", "dataset"),
)
NO_LIST = "is not a list of objects"
NO_LIST_FIX = "put [ ] around the objects, or name a file with one object a line .jsonl"


def find_rows(document: JSON, name: str, split: str | None) -> list[JSON]:
    """The rows of a JSON document; each should be an object.

    Raises:
        WorkbenchError: it has no rows, or several lists of them.
    """
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping) or not document:
        raise WorkbenchError(NO_LIST, where=f"{name}:1", fix=NO_LIST_FIX)
    columns, values = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(values, list) and _are_lists(values):
        return _rows_of_cells(columns, values, name)
    lists = {key: value for key, value in document.items() if _are_objects(value)}
    if _is_table(document) and len(lists) < len(document):
        cells = zip(*document.values(), strict=True)
        return [dict(zip(document, row, strict=True)) for row in cells]
    if lists:
        return _list_of_rows(lists, name, split)
    inner = list(document.values())
    if _are_objects(inner) and all(key.isdecimal() for values in inner for key in values):
        return list(_rows_of_index(document))
    nested = [document[key] for key in WRAPPERS if isinstance(document.get(key), Mapping)]
    if len(nested) == 1:
        return find_rows(nested[0], name, split)
    if _are_objects(inner) and set.intersection(*map(set, inner)):
        has_ids = not all(key.isdecimal() for key in document)
        return [{"id": key, **row} if has_ids else row for key, row in document.items()]
    nested = [value for value in inner if _has_list(value)]
    if len(nested) == 1:
        return find_rows(nested[0], name, split)
    message = f"has no list of objects; its keys are {list_first(list(document), 8)}"
    raise WorkbenchError(message, where=f"{name}:1", fix=NO_LIST_FIX)


def _rows_of_cells(columns: list[JSON], rows: list[JSON], name: str) -> list[JSON]:
    """Rows of pandas' `orient="split"`."""
    if unnamed := [column for column in columns if not isinstance(column, str)]:
        message = f"the name of a column is {unnamed[0]!r:.60}, not a text"
        raise WorkbenchError(message, where=name, fix='write texts in the list "columns"')
    check_unique(columns, name)
    for number, row in enumerate(rows, 1):
        if len(row) != len(columns):
            message = f"{pluralize(len(row), 'value')}, but {pluralize(len(columns), 'column')}"
            fix = "write one value for each column, null where it is missing"
            raise WorkbenchError(message, where=f"{name} row {number}", fix=fix)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _are_lists(values: JSON) -> bool:
    return bool(values) and all(isinstance(value, list) for value in values)


def _are_objects(value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _has_list(value: JSON) -> bool:
    return isinstance(value, Mapping) and any(_are_objects(value.get(key)) for key in WRAPPERS)


def _list_of_rows(lists: Mapping[str, list[JSON]], name: str, split: str | None) -> list[JSON]:
    if split is not None and split in lists:
        return [{**row, SPLIT: split} for row in lists[split]]
    usual = [key for key in lists if key in WRAPPERS]
    if len(lists) == 1 or len(usual) == 1:
        rows = lists[usual[0] if len(usual) == 1 else next(iter(lists))]
        return [row["row"] for row in rows] if all(map(_is_viewed, rows)) else rows
    if split is not None:
        raise unknown_name("split", split, lists, where=name)
    message = f"has several lists of objects: {list_first(list(lists), 8)}"
    raise WorkbenchError(message, where=name, fix=f"add `split: {next(iter(lists))}`")


def _is_viewed(row: Mapping[str, JSON]) -> bool:
    """True for a row of the hub's data viewer."""
    return "row_idx" in row and isinstance(row.get("row"), Mapping)


def _is_table(document: Mapping[str, JSON]) -> bool:
    """True for columns of equal length."""
    columns = list(document.values())
    if not _are_lists(columns) or len({len(column) for column in columns}) > 1:
        return False
    return len(columns) > 1 or not any(isinstance(cell, list) for cell in columns[0])


def _rows_of_index(columns: Mapping[str, Mapping[str, JSON]]) -> Iterator[dict[str, JSON]]:
    """Rows of pandas' columns, each of which is an object by the number of the row."""
    for key in dict.fromkeys(key for column in columns.values() for key in column):
        yield {name: column[key] for name, column in columns.items() if key in column}
