"""Comma- or tab-separated text as rows. Every value stays a string.

id,text,label
17,"A fun, short ride.",positive
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.canonical import JSON
from workbench.dataset.columns import check_unique
from workbench.dataset.text_files import lines
from workbench.errors import WorkbenchError

_FIELD_LIMIT = 1 << 30  # the module's own 131,072 characters is less than a long document
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(path: Path, name: str, delimiter: str = ",") -> Iterator[tuple[int, dict[str, JSON]]]:
    """The rows of a CSV file (RFC 4180), each with the line it begins on."""
    records = _read_records((line for _, line in lines(path, name)), name, delimiter)
    number, header = next(records, (1, []))
    _check_header(header, f"{name}:{number}", delimiter)
    for number, fields in records:
        if len(fields) != len(header):
            count = f"{len(fields)} field{'s' * (len(fields) > 1)}"
            raise WorkbenchError(
                f"{count}, but the header has {len(header)}; the last is {fields[-1][:60]!r}",
                where=f"{name}:{number}",
                fix=f"the columns are {', '.join(header)}; put a field that contains "
                f"{_DELIMITERS[delimiter]} in double quotes",
            )
        yield number, dict(zip(header, fields, strict=True))


def _read_records(
    text: Iterable[str], name: str, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not blank, with the line it begins on."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    first_line = 1
    try:
        for fields in reader:
            if fields:
                yield first_line, fields
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise _bad_record(str(error), f"{name}:{first_line}") from error


def _bad_record(error: str, where: str) -> WorkbenchError:
    if error == "unexpected end of data":
        message = "a quoted field of this row is never closed"
        return WorkbenchError(message, where=where, fix='close it; write "" for a quote inside')
    if error.startswith("new-line character seen"):
        message = "a bare carriage return between two fields"
        return WorkbenchError(message, where=where, fix="save the file with LF or CRLF line ends")
    fix = 'put a field that contains quotes in quotes, and write "" for each quote inside'
    return WorkbenchError(f"bad CSV: {error}", where=where, fix=fix)


def _check_header(header: list[str], where: str, delimiter: str) -> None:
    others = [sign for sign in _DELIMITERS if sign != delimiter and sign in "".join(header)]
    if len(header) == 1 and others:
        raise WorkbenchError(
            f"the header is a single column, {header[0]!r}",
            where=where,
            fix=f"it seems to be separated by {_DELIMITERS[others[0]]}; use "
            f"{_DELIMITERS[delimiter]} (.csv: commas, .tsv: tabs)",
        )
    if "" in header:
        message = f"column {header.index('') + 1} has no name"
        raise WorkbenchError(message, where=where, fix="name it, or remove the index column")
    check_unique(header, where)
