"""Cells of a CSV file that a spreadsheet takes for text, and the way back.

escape_cell("=1+1")   ->  "'=1+1"        unescape_cell("'=1+1")  ->  "=1+1"
escape_cell("-5")     ->  "-5"           a number stays one

A spreadsheet runs a cell that begins like a formula. An apostrophe before it makes it text.
"""

import re
import unicodedata

SIGNS = "=+-@"
BREAKS = "\t\r\n"
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}  # kinds of characters that take room at most
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters that are not seen


def escape_cell(text: str) -> str:
    """`text` as a cell that no spreadsheet runs; `unescape_cell` gives it back."""
    return f"'{text}" if _acts(text) else text


def unescape_cell(cell: str) -> str:
    """The text of a cell that `escape_cell` made."""
    return cell[1:] if cell.startswith("'") and _acts(cell[1:]) else cell


def _acts(text: str) -> bool:
    """Whether a cell could be run; apostrophes before it count as none, so that both ways fit."""
    if NUMBER.fullmatch(text):
        return False
    for character in text.lstrip("'"):
        if character in BREAKS:
            return True
        if not _unseen(character):
            return unicodedata.normalize("NFKC", character)[0] in SIGNS
    return False


def _unseen(character: str) -> bool:
    return (
        unicodedata.category(character) in UNSEEN
        or character in FILLERS
        or "\ufe00" <= character <= "\ufe0f"
    )
