"""Comma- or tab-separated text as rows. Every value stays the text it is.

id,text,label
17,"A fun, short ride.",positive
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from workbench.canonical import JSON
from workbench.dataset.text_files import lines
from workbench.errors import WorkbenchError

_FIELD_LIMIT = 1 << 30  # the module's own 131,072 characters is less than a long document
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def read_csv(path: Path, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The rows of a CSV file (RFC 4180), each with the line it begins on."""
    return _read(path, name, ",")


def read_tsv(path: Path, name: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    """The rows of a CSV file that has tabs for commas."""
    return _read(path, name, "\t")


def _read(path: Path, name: str, delimiter: str) -> Iterator[tuple[int, dict[str, JSON]]]:
    records = _records((line for _, line in lines(path, name)), name, delimiter)
    number, header = next(records, (1, []))
    _check_header(header, f"{name}:{number}", delimiter)
    for number, fields in records:
        if len(fields) != len(header):
            count = f"{len(fields)} field{'s' * (len(fields) > 1)}"
            raise WorkbenchError(
                f"{count} where the header has {len(header)}: {fields[-1][:60]!r} is the last",
                where=f"{name}:{number}",
                fix=f"the columns are {', '.join(header)}; a field with "
                f"{_DELIMITERS[delimiter]} in it stands in double quotes",
            )
        yield number, dict(zip(header, fields, strict=True))


def _records(text: Iterable[str], name: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Every record that is not blank, with the line it begins on."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise _bad_record(str(error), f"{name}:{first}") from error
        if fields is None:
            return
        if fields:
            yield first, fields


def _bad_record(error: str, place: str) -> WorkbenchError:
    if error == "unexpected end of data":
        what = "the quote that opens a field of this row is never closed"
        return WorkbenchError(what, where=place, fix='close it; a quote inside is written ""')
    if error.startswith("new-line character seen"):
        what = "a bare carriage return stands between two fields"
        return WorkbenchError(what, where=place, fix="save the file with LF or CRLF line ends")
    fix = 'a field with quotes in it stands in quotes, each of its own written ""'
    return WorkbenchError(f"bad CSV: {error}", where=place, fix=fix)


def _check_header(header: list[str], place: str, delimiter: str) -> None:
    others = [d for d in _DELIMITERS if d != delimiter and d in "".join(header)]
    if len(header) == 1 and others:
        raise WorkbenchError(
            f"the header is a single column, {header[0]!r}",
            where=place,
            fix=f"it looks separated by {_DELIMITERS[others[0]]}; {_DELIMITERS[delimiter]} "
            "are expected (.csv: commas, .tsv: tabs)",
        )
    if "" in header:
        what = f"column {header.index('') + 1} has no name"
        raise WorkbenchError(what, where=place, fix="name it, or leave the index column out")
    twice = [name for index, name in enumerate(header) if name in header[:index]]
    if twice:
        what = f"two columns are named {twice[0]!r}"
        raise WorkbenchError(what, where=place, fix="name each column once")
