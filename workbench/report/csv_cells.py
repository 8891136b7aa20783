"""CSV cells that a spreadsheet takes for text, and the text of such cells.

>>> escape_cell("=1+1"), unescape_cell("'=1+1"), escape_cell("-5")
("'=1+1", '=1+1', '-5')

A spreadsheet evaluates a cell that begins like a formula. An apostrophe before it makes it text.
"""

import re
import unicodedata

SIGNS = "=+-@"
BREAKS = "\t\r\n"
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
BLANK = {"Cc", "Cf", "Zs", "Zl", "Zp"}  # categories of characters that show nothing
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters that show nothing


def escape_cell(text: str) -> str:
    """A cell that no spreadsheet evaluates; `unescape_cell` is the inverse."""
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
