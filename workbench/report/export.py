"""Completions as JSON Lines or CSV.

{"key": "0a3e…", "model": "openai:gpt-6-luna", "state": "ok", "text": "positive", …}

>>> escape_cell("=1+1"), unescape_cell("'=1+1"), escape_cell("-5")
("'=1+1", '=1+1', '-5')
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator

from workbench.canonical import JSON, finite_numbers, ordered_json
from workbench.secrets.redactor import FILLERS
from workbench.store.selection import StoredCompletion

LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}  # line ends to some readers
# A cell that needs no quotes: no sign of CSV, no control character, no blank at an end.
PLAIN_CELL = re.compile(r"(?![\s'#])[^\",;|\x00-\x1f\x7f-\x9f\u2028\u2029]*(?<!\s)")
SIGNS = "=+-@"
BREAKS = "\t\r\n"
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
BLANK = {"Cc", "Cf", "Zs", "Zl", "Zp"}  # categories of characters that show nothing
COLUMNS = (
    *("key", "model", "state", "text", "finish_reason", "input_tokens", "output_tokens"),
    *("latency_s", "kept_at", "request", "prefill", "error", "attempts", "choice_scores"),
    *("reply_model", "reasoning", "choice_tokens", "tool_calls"),
    *("cached_tokens", "reasoning_tokens", "ratings"),
)
JSON_COLUMNS = ("request", "choice_scores", "choice_tokens", "tool_calls", "ratings")
RATING_FIELDS = ("person", "good", "comment", "rated_at")


def completion_json(stored: StoredCompletion) -> dict[str, JSON]:
    """The completion with the body of its request."""
    completion, usage = stored.completion, stored.completion.usage
    values = (
        stored.key,
        stored.model,
        completion.state,
        completion.text,
        completion.finish_reason,
        usage.input_tokens,
        usage.output_tokens,
        completion.latency_s,
        stored.stored_at,
        stored.request["body"],
        completion.prefill,
        completion.error,
        completion.attempts,
        finite_numbers(completion.choice_scores),
        completion.model,
        completion.reasoning,
        None if completion.choice_tokens is None else dict(completion.choice_tokens),
        list(completion.tool_calls) or None,
        usage.cached_tokens,
        usage.reasoning_tokens,
        [{name: vars(rating)[name] for name in RATING_FIELDS} for rating in stored.ratings] or None,
    )
    return dict(zip(COLUMNS, values, strict=True))


def json_lines(completions: Iterable[StoredCompletion]) -> Iterator[bytes]:
    """One line per completion, lossless: a lone surrogate becomes its escape."""
    for stored in completions:
        text = json.dumps(completion_json(stored), ensure_ascii=False).translate(LINE_ENDS)
        yield f"{text}\n".encode("utf-8", "backslashreplace")


def csv_lines(completions: Iterable[StoredCompletion]) -> Iterator[bytes]:
    """A header and one line per completion; no cell is a formula, numbers stay numbers.

    csv, pandas, polars and spreadsheets read it back equal, but for the apostrophe of
    `escape_cell`. U+FFFD replaces NUL, at which some readers end.
    """
    yield csv_line(COLUMNS)
    for stored in completions:
        row = completion_json(stored)
        for name in JSON_COLUMNS:
            row[name] = None if row[name] is None else ordered_json(row[name])
        yield csv_line(row.values())


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
