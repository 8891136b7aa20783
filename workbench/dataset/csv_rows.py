"""Comma- or tab-separated text as rows. Every value stays a string.

id,text,label
17,"A fun, short ride.",positive
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from workbench.canonical import JSON
from workbench.dataset.columns import check_unique, yaml_list
from workbench.dataset.dataset_spec import DatasetSpec
from workbench.dataset.selected_columns import ColumnSelection
from workbench.dataset.swallowed_lines import SwallowedLines
from workbench.dataset.text_files import TextFile
from workbench.errors import WorkbenchError, pluralize

_FIELD_LIMIT = 1 << 30  # the module's own 131,072 characters is less than a long document
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_EXCEL_SEPARATOR = re.compile(r'"?sep=([^"\r\n])"?\s*')  # Excel's first line
_MAX_NAME = 60  # characters that the name of a column is likely to have
_TELL_QUOTING = "quoting: double"


class _Record(NamedTuple):
    """Fields, the line they begin on, and their lines."""

    number: int
    fields: list[str]
    lines: list[str]


@dataclass
class CsvTable:
    """A file of separated cells.

    Attributes:
        notes: for the user, complete when all rows are read.
    """

    file: TextFile
    spec: DatasetSpec
    selection: ColumnSelection
    notes: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[tuple[int, dict[str, JSON]]]:
        """The rows, each with the line it begins on; rows of empty cells only are skipped.

        Raises:
            WorkbenchError: with file and line.
        """
        lines = self.file.lines()
        first = list(islice(lines, 1))
        sep = _EXCEL_SEPARATOR.fullmatch(first[0][1]) if first else None
        lines = lines if sep else chain(first, lines)
        usual = "\t" if self.file.suffix == ".tsv" else ","
        delimiter = self.spec.delimiter or (sep[1] if sep else usual)
        quoting = self.spec.quoting or ("none" if delimiter == "\t" and not sep else "double")
        records = _split_lines(lines, delimiter)
        if quoting != "none":
            escape = "\\" if quoting == "backslash" else None
            records = _read_quoted(lines, self.file.name, delimiter, escape)
        filled = self._skip_blank(records, delimiter)
        header = next(filled, _Record(1, [], []))
        table = _Header(header.fields, self.location(header.number), delimiter, self.selection)
        table.check()
        if value := next(filter(_is_value, table.names), ""):
            self.notes.append(
                f"{table.where}: {value[:60]!r} is read as the name of a column, and looks like a "
                "value; the first line should hold the names of the columns"
            )
        swallowed = SwallowedLines(len(header.fields), delimiter)
        quoted = list[int]()
        for record in filled:
            if len(record.fields) != table.width:
                self._check_count(record, table)
            if quoting == "none":
                if any(map(_is_quoted, record.fields)):
                    quoted.append(record.number)
            else:
                swallowed.add(*record)
            yield record.number, table.row(record.fields)
        self._report(swallowed, quoted)

    def location(self, number: int) -> str:
        """`reviews.csv:12`."""
        return f"{self.file.name}:{number}"

    def _skip_blank(self, records: Iterable[_Record], delimiter: str) -> Iterator[_Record]:
        """The records with a cell; Excel writes `,,,` for an empty row."""
        blank = list[int]()
        for record in records:
            if not record.lines[0].strip(f"{delimiter} \t\r\n"):
                blank.append(record.number)
            else:
                yield record
        if blank:
            rows = pluralize(len(blank), "blank row was", "blank rows were")
            self.notes.append(f"{rows} skipped, first {self.location(blank[0])}")

    def _check_count(self, record: _Record, header: "_Header") -> None:
        """Accept delimiters at the end of a row, and no other difference from the header."""
        number, fields, lines = record
        if header.required <= len(fields) and not any(fields[len(header.names) :]):
            return
        message = f"{pluralize(len(fields), 'field')}, but the header has {len(header.names)}"
        message += f"; the last is {fields[-1][:60]!r}"
        named = _DELIMITERS.get(header.delimiter, repr(header.delimiter))
        fix = f"put a field that contains {named} in double quotes"
        if len(lines) > 1:
            message += f"; a quoted field of this row runs on to line {number + len(lines) - 1}"
            fix = 'close the field, or write "" for a quote in it; `quoting: none` reads quotes '
            fix += "as text"
        elif any(cell[:1] == " " and cell.lstrip()[:1] == '"' for cell in fields):
            fix = "remove the space between the delimiter and a field in double quotes"
        elif self.spec.quoting is None and header.delimiter == "\t":
            fix = f"write a tab between two fields; fields in double quotes need `{_TELL_QUOTING}`"
        fix = f"the columns are {', '.join(header.names)}; {fix}"
        raise WorkbenchError(message, where=self.location(number), fix=fix)

    def _report(self, swallowed: SwallowedLines, quoted: Sequence[int]) -> None:
        if suspect := swallowed.suspect():
            where, is_set = self.location(suspect.number), self.spec.quoting is not None
            message = (
                f"a quoted field of this row runs over {suspect.lines} lines that look like rows"
            )
            fix = "`quoting: none` reads quotes as text; if the lines belong to the field, "
            fix += f"`{_TELL_QUOTING}`"
            if suspect.certain and not is_set:
                raise WorkbenchError(message, where=where, fix=fix)
            if suspect.certain or not is_set:
                self.notes.append(f"{where}: {message}" + ("" if is_set else f"; {fix}"))
        if quoted and self.spec.quoting is None:
            rows = pluralize(len(quoted), "row has", "rows have")
            self.notes.append(
                f"{rows} a field in double quotes, which are read as part of the text, first "
                f"{self.location(quoted[0])}; if they only enclose it: `{_TELL_QUOTING}`, else "
                "`quoting: none`"
            )


@dataclass
class _Header:
    """The names in the first record, and the columns that are read."""

    names: list[str]
    where: str
    delimiter: str
    selection: ColumnSelection

    def __post_init__(self) -> None:
        self.names = ["" if name.isspace() else name for name in self.names]
        named = [index for index, name in enumerate(self.names) if name]
        self.required = named[-1] + 1 if named else 0  # cells; others may be cut off
        read = [index for index in named if self.selection.keeps(self.names[index])]
        self.columns = [(index, self.selection.name(self.names[index])) for index in read]
        self.unnamed = [index for index, name in enumerate(self.names) if not name]
        if self.selection.lists_columns:
            self.unnamed = []
        self.width = len(self.names)

    def check(self) -> None:
        """Check the names.

        Raises:
            WorkbenchError: two columns have the same name, or the delimiter is another one.
        """
        others = [s for s in _DELIMITERS if s != self.delimiter and s in "".join(self.names)]
        if len(self.names) == 1 and others:
            sign = others[0].replace("\t", "\\t")
            raise WorkbenchError(
                f"the header is a single column, {self.names[0]!r}",
                where=self.where,
                fix=f'it seems to be separated by {_DELIMITERS[others[0]]}: `delimiter: "{sign}"`',
            )
        if any("\r" in name for name in self.names):
            raise _bare_return(self.where)
        self.selection.note_columns(self.names)
        check_unique([name for _, name in self.columns], self.where)

    def row(self, fields: Sequence[str]) -> dict[str, JSON]:
        """The fields of the columns that are read."""
        for index in self.unnamed:
            if index < len(fields) and fields[index]:
                named = yaml_list(filter(None, self.names))
                raise WorkbenchError(
                    f"column {index + 1} has no name",
                    where=self.where,
                    fix=f"name it, or list the columns to read: `columns: {named}`",
                )
        return {name: fields[index] for index, name in self.columns}


def _split_lines(lines: Iterable[tuple[int, str]], delimiter: str) -> Iterator[_Record]:
    """Each line that is not empty, split at its delimiters; quotes are text."""
    for number, line in lines:
        if text := line.rstrip("\r\n"):
            yield _Record(number, text.split(delimiter), [line])


def _read_quoted(
    lines: Iterable[tuple[int, str]], name: str, delimiter: str, escape: str | None
) -> Iterator[_Record]:
    """Each record that is not empty (RFC 4180, or with backslashes before quotes)."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    read: list[str] = []
    number = 1

    def feed() -> Iterator[str]:
        nonlocal number
        for line_number, line in lines:
            if not read:
                number = line_number
            read.append(line)
            yield line

    reader = csv.reader(
        feed(), delimiter=delimiter, strict=True, doublequote=escape is None, escapechar=escape
    )
    try:
        for fields in reader:
            if fields:
                yield _Record(number, fields, read[:])
            read.clear()
    except csv.Error as error:
        raise _bad_record(str(error), f"{name}:{number}", len(read)) from error


def _bad_record(error: str, where: str, lines: int) -> WorkbenchError:
    if error == "unexpected end of data":
        message = "a quoted field of this row is never closed"
        fix = 'close it; write "" for a quote inside; `quoting: none` reads quotes as text'
        return WorkbenchError(message, where=where, fix=fix)
    if error.startswith("new-line character seen"):
        return _bare_return(where)
    message = f"bad CSV: {error}"
    if lines > 1:
        message = f"a quoted field of this row runs over {lines} lines to text after a quote"
    fix = 'put a field that contains quotes in quotes, and write "" for each quote inside; '
    fix += "`quoting: none` reads quotes as text"
    return WorkbenchError(message, where=where, fix=fix)


def _bare_return(where: str) -> WorkbenchError:
    message = "a bare carriage return between two fields"
    return WorkbenchError(message, where=where, fix="save the file with LF or CRLF line ends")


def _is_value(name: str) -> bool:
    """True for a number, and for a text too long to be a name."""
    return bool(re.fullmatch(r"[+-]?[0-9]+([.,][0-9]+)?", name)) or len(name) > _MAX_NAME


def _is_quoted(cell: str) -> bool:
    """True for a cell that a writer with quotes may have written."""
    return len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', "")
