"""Recovery of a damaged store: its valid rows in a new one.

    Recovered(answers=148, scores=300, calls=2, ratings=7, lost=("0a3e…",), …)

A row is taken only if its checksum is right, so it does not matter how it was found.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from workbench.model import Request
from workbench.store.completions import COMPLETION_COLUMNS, SCORE_COLUMNS, insert, upsert
from workbench.store.damaged_rows import (
    COLUMNS,
    Row,
    read_file,
    read_orphans,
    run_recover,
    with_readable_schema,
)
from workbench.store.database import Database, checksum
from workbench.store.leases import CALL_COLUMNS
from workbench.store.schema import COUNT_RATINGS
from workbench.store.upgrade import upgrade_completion

ROWS_PER_WRITE = 500
IF_LATER = "WHERE excluded.kept_at > kept_at"  # of two rows with the same key
SAVE = {
    "completions": upsert("completions", f"{COMPLETION_COLUMNS}, kept_at", IF_LATER),
    "scores": upsert("scores", f"{SCORE_COLUMNS}, kept_at", IF_LATER),
    "owners": insert("owners", COLUMNS["owners"], "OR IGNORE"),
    "intents": insert("intents", COLUMNS["intents"], "OR IGNORE"),
    "no_replies": insert("no_replies", COLUMNS["no_replies"], "OR IGNORE"),
    "ratings": insert("ratings", COLUMNS["ratings"], "OR IGNORE"),
    "calls": f"INSERT INTO calls ({CALL_COLUMNS}) "
    "SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS "
    "(SELECT 1 FROM calls WHERE key = ?1 AND reason = ?4 AND noted_at = ?6)",
}
FORGET_ANSWERED = "DELETE FROM no_replies WHERE key IN (SELECT key FROM completions)"
COUNT = "SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM ratings)"
OUTCOMES = ("refused", "possibly_billed", "unknown")
KEY = re.compile(r"[0-9a-f]{64}")
TIME = re.compile(r"[0-9-]{10}T[0-9:.]{12}Z")
UNKNOWN_TIME = "1970-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class Recovered:
    """The contents of the new store.

    Attributes:
        lost: keys of completions that the damaged store names and that could not be recovered.
        lost_scores: of scores, likewise.
        used_shell: False if there is no `sqlite3` shell with `.recover`.
    """

    answers: int
    scores: int
    calls: int
    ratings: int
    lost: tuple[str, ...]
    lost_scores: tuple[str, ...]
    used_shell: bool


def recover(files: Sequence[Path], database: Database) -> Recovered:
    """Copy the valid rows of these stores to a new one; of two rows with one key, the later.

    The files may be changed: they must be copies.
    """
    keys: dict[str, set[str]] = {"completions": set(), "scores": set()}
    used_shell = False
    for file in files:
        for readable in with_readable_schema(file):
            _copy_rows(read_file(readable), database, keys)
            recovered = readable.with_name("recovered.db")
            if run_recover(readable, recovered):
                used_shell = True
                _copy_rows(read_file(recovered), database, keys)
                _copy_rows(read_orphans(recovered), database, keys)
    database.write([(FORGET_ANSWERED, [()]), (COUNT_RATINGS, [()])])
    stored = {
        table: {key for (key,) in database.read(f"SELECT key FROM {table}")} for table in keys
    }
    ((calls, ratings),) = database.read(COUNT)
    return Recovered(
        len(stored["completions"]),
        len(stored["scores"]),
        calls,
        ratings,
        lost=tuple(sorted(keys["completions"] - stored["completions"])),
        lost_scores=tuple(sorted(keys["scores"] - stored["scores"])),
        used_shell=used_shell,
    )


def _copy_rows(
    rows: Iterator[tuple[str, Row]], database: Database, keys: dict[str, set[str]]
) -> None:
    """Save the valid rows, and add each key to `keys`, by table."""
    while batch := list(islice(rows, ROWS_PER_WRITE)):
        for table, (key, *_) in batch:
            names = "completions" if table == "index" else table
            if names in keys and isinstance(key, str) and KEY.fullmatch(key):
                keys[names].add(key)
        valid = [(table, _validate(table, row)) for table, row in batch]
        database.write([(SAVE[table], [row]) for table, row in valid if row])


def _validate(table: str, row: Row) -> Row | None:
    """Return the columns to save; None if the row is damaged."""
    if table in ("owners", "intents"):  # the next run expires them
        return row if isinstance(row[1], int) or row[4] in (0, 1) else None
    if table == "calls":
        return row if _is_call(row) else None
    if table == "ratings":
        key, number, *texts, total = row
        valid = isinstance(number, int) and checksum(*map(str, (key, *texts))) == total
        return row if valid else None
    *texts, total, stored_at = row
    if table == "no_replies":
        total, stored_at = stored_at, total
    if table == "index" or not all(isinstance(text, str) for text in texts):
        return None
    if checksum(*texts) != total:
        return None
    time = stored_at if isinstance(stored_at, str) and TIME.fullmatch(stored_at) else UNKNOWN_TIME
    if table == "no_replies":
        return (*texts, time, total)
    return (*texts, total, time) if table == "scores" else _with_counts(texts, time)


def _with_counts(texts: Sequence[str], time: str) -> Row | None:
    """Upgrade the texts that the checksum covers, and add the other columns."""
    key, state, completion, request = texts
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        state, completion = upgrade_completion(state, completion)
        texts = (key, state, completion, request)
        fields, parts = json.loads(completion), json.loads(request)
        size = Request(key, parts["body"]).size
        usage = fields["usage"]
        tokens = (usage["input_tokens"], usage["output_tokens"])
        return (
            *texts,
            checksum(*texts),
            parts.get("model", ""),
            size,
            *tokens,
            fields["latency_s"],
            time,
        )
    return None


def _is_call(row: Row) -> bool:
    """True if a call, which has no checksum, has valid values."""
    *texts, cost, time = row
    return (
        all(isinstance(text, str) for text in texts)
        and KEY.fullmatch(row[0]) is not None
        and row[2] in OUTCOMES
        and isinstance(cost, int | float | None)
        and isinstance(time, str)
        and TIME.fullmatch(time) is not None
    )
