"""Answers as lines of JSON or as CSV, and files that are there only when they are whole.

{"key": "0a3e…", "model": "openai:gpt-4o-mini", "state": "ok", "text": "positive", …}
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from workbench.canonical import JSON, ordered_json
from workbench.errors import WorkbenchError
from workbench.report.csv_cells import escape_cell
from workbench.store.selection import StoredCompletion

LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}  # to some readers
COLUMNS = (
    "key",
    "model",
    "state",
    "text",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "latency_s",
    "kept_at",
    "request",
)


def answer_json(kept: StoredCompletion) -> dict[str, JSON]:
    """One answer, and the body that asked for it."""
    said, usage = kept.completion, kept.completion.usage
    values = (
        kept.key,
        kept.model,
        said.state,
        said.text,
        said.finish_reason,
        usage.input_tokens,
        usage.output_tokens,
        said.latency_s,
        kept.stored_at,
        kept.request["body"],
    )
    return dict(zip(COLUMNS, values, strict=True))


def json_lines(answers: Iterable[StoredCompletion]) -> Iterator[bytes]:
    """A line an answer, lossless: half a character becomes its escape."""
    for kept in answers:
        text = json.dumps(answer_json(kept), ensure_ascii=False).translate(LINE_ENDS)
        yield f"{text}\n".encode("utf-8", "backslashreplace")


def csv_lines(answers: Iterable[StoredCompletion]) -> Iterator[bytes]:
    """A header and a line an answer; texts are neutral to spreadsheets, numbers stay numbers."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for kept in answers:
        row = answer_json(kept)
        row["request"] = ordered_json(row["request"])
        writer.writerow(
            escape_cell(cell) if isinstance(cell, str) else cell for cell in row.values()
        )
        yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "backslashreplace")


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """A file for its owner only, in its place when all of it is written.

    Raises:
        WorkbenchError: there is a file already and it isn't to be replaced, or it can't be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    exists = WorkbenchError(
        "there is a file already", where=str(path), fix="another name, or --force to replace it"
    )
    if path.exists() and not force:
        raise exists
    try:
        opened = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(opened, "wb") as file:
                yield file
            if force:
                part.replace(path)
            else:
                path.hardlink_to(part)  # which never replaces
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError:
        raise exists from None
    except OSError as error:
        raise WorkbenchError(
            f"can't be written: {error.strerror}", where=str(path), fix="--out another file"
        ) from error
