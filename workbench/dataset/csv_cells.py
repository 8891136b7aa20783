"""Cells of CSV files that a spreadsheet takes for text, and numbers.

>>> escape_cell("=1+1"), unescape_cell("'=1+1"), escape_cell("-5")
("'=1+1", '=1+1', '-5')
"""

import re
import unicodedata
from collections.abc import Iterable

from workbench.secrets.redactor import FILLERS

# A cell that needs no quotes: no sign of CSV, no control character, no blank at an end.
PLAIN_CELL = re.compile(r"(?![\s'#])[^\",;|\x00-\x1f\x7f-\x9f\u2028\u2029]*(?<!\s)")
SIGNS = "=+-@"
BREAKS = "\t\r\n"
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
BLANK = {"Cc", "Cf", "Zs", "Zl", "Zp"}  # categories of characters that show nothing


def csv_line(cells: Iterable[str | float | None]) -> bytes:
    r"""A line of CSV by RFC 4180, with LF at its end; None is an empty cell.

    >>> csv_line(["ok\r=1+1", "-5", "a, b", None, 0.5])
    b'"ok\r=1+1",-5,"a, b",,0.5\n'
    """
    line = ",".join("" if cell is None else _quoted(cell) for cell in cells)
    return f"{line}\n".encode("utf-8", "backslashreplace")


def _quoted(cell: str | float) -> str:
    """The cell in quotes, unless each reader takes it for one cell without them.

    The csv module of Python before 3.13 leaves a cell with a lone CR without quotes.
    """
    if not isinstance(cell, str):
        return str(cell)
    text = escape_cell(cell.replace("\0", "\ufffd"))
    return text if PLAIN_CELL.fullmatch(text) else '"' + text.replace('"', '""') + '"'


def escape_cell(text: str) -> str:
    """A cell that a spreadsheet takes for text; `unescape_cell` is the inverse.

    It evaluates a cell that begins like a formula. An apostrophe before it makes it text.
    """
    return f"'{text}" if _is_formula(text) else text


def unescape_cell(cell: str) -> str:
    """The text of a cell that `escape_cell` returned."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    """True if a spreadsheet could evaluate it; leading apostrophes are ignored."""
    if NUMBER.fullmatch(text):
        return False
    for character in text.lstrip("'"):
        if character in BREAKS:
            return True
        if not _is_blank(character):
            return unicodedata.normalize("NFKC", character)[0] in SIGNS
    return False


def _is_blank(character: str) -> bool:
    return (
        unicodedata.category(character) in BLANK
        or character in FILLERS
        or "\ufe00" <= character <= "\ufe0f"
    )
