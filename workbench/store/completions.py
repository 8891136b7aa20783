"""Completions and scores: stored once, durable before they are counted.

with Store(project.store) as store:
    store.save_completions([(request, completion)])
    store.completions([request.key])      # {key: Completion(…, stored=True)}
"""

import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self, TypeVar

from workbench.canonical import canonical_json
from workbench.errors import WorkbenchError, pluralize
from workbench.evaluator import Evaluator, Score
from workbench.model import Completion, Request
from workbench.secrets import Redactor
from workbench.store.database import RESERVE, Database, checksum, free_bytes
from workbench.store.leases import Leases
from workbench.store.no_replies import FORGET, NoReplies
from workbench.store.ratings import Ratings
from workbench.store.row_json import (
    completion_json,
    parse_completion,
    parse_request,
    parse_score,
    request_json,
)

Result = TypeVar("Result")
RESERVE_BYTES = 4 * 1024 * 1024
COMPLETION_BYTES = 2_000  # of a completion beside its request, estimated
# Replies that are no completions: stored, and requested again only with --retry-failed.
RETRIABLE = frozenset({"filtered", "empty_output", "invalid_response", "rejected"})
COMPLETION_COLUMNS = (
    "key, state, completion, request, sum, model, size, input_tokens, output_tokens, latency_s"
)
SCORE_COLUMNS = "key, evaluator, score, sum"
SCORE_FIELDS = tuple(field.name for field in fields(Score))
CHECKSUMS = {
    "completions": "crc(key, state, completion, request)",
    "scores": "crc(key, evaluator, score)",
    "no_replies": "crc(key, model, reason)",
    "ratings": "crc(key, answer, person, name, value, comment, rated_at)",
}
TOTALS = """
SELECT count(*), coalesce(sum(sum), 0), min(CASE WHEN sum IS NOT {crc} THEN key END),
       (SELECT rows FROM totals WHERE name = '{table}'),
       (SELECT sums FROM totals WHERE name = '{table}')
FROM {table}
"""
HISTORY = """
SELECT sum(input_tokens) * 1.0 / sum(CASE WHEN input_tokens IS NOT NULL THEN size END),
       avg(output_tokens), avg(latency_s)
FROM completions WHERE model = ?
"""


def insert(table: str, columns: str, or_else: str = "") -> str:
    """The SQL that inserts rows of these columns; `or_else`: `OR IGNORE`."""
    marks = ", ".join("?" * (columns.count(",") + 1))
    return f"INSERT {or_else} INTO {table} ({columns}) VALUES ({marks})"


def upsert(table: str, columns: str, condition: str = "") -> str:
    """The SQL that inserts rows, or replaces those with the same key."""
    _, *names = dict.fromkeys([*columns.split(", "), "kept_at"])
    updates = ", ".join(f"{name} = excluded.{name}" for name in names)
    return f"{insert(table, columns)} ON CONFLICT (key) DO UPDATE SET {updates} {condition}"


SAVE_COMPLETION = upsert("completions", COMPLETION_COLUMNS)
SAVE_SCORE = upsert("scores", SCORE_COLUMNS)


@dataclass(frozen=True)
class History:
    """Averages over all stored completions of one model; None if there is nothing to average.

    Attributes:
        input_per_byte: input tokens per byte of the request body.
        output_tokens: mean.
        latency_s: mean, seconds.
    """

    input_per_byte: float | None = None
    output_tokens: float | None = None
    latency_s: float | None = None


class Store:
    """The store of one project; a context manager. Threads may share it.

    Attributes:
        redactor: removes secrets from everything that is stored.
        check_interval_s: seconds in which `check` need not read the file again; each row that is
            read is checked anyway.
    """

    check_interval_s = 0.0

    def __init__(self, folder: Path, redactor: Redactor | None = None) -> None:
        self._checked_at = -math.inf
        self.redactor = redactor or Redactor()
        self.database = Database(folder)
        self.leases = Leases(self.database, self.redactor)
        self.no_replies = NoReplies(self.database, self.redactor)
        self.ratings = Ratings(self.database, self.redactor, self.completions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.database.__exit__()

    def __reduce__(self) -> "tuple[type[Store], tuple[Path, Redactor]]":
        """Pickle the folder: another process opens the store itself."""
        return Store, (self.database.folder, self.redactor)

    def check(self) -> None:
        """Compare every row with its checksum, and the file with its totals and watermark.

        A file can change and still be a valid database: a page is older than the others, or the
        log was cut. A missing completion would be paid for again.

        Raises:
            WorkbenchError: the file is not as it was written (exit code 5).
        """
        if time.monotonic() - self._checked_at < self.check_interval_s:
            return
        if damage := find_damage(self.database):
            raise self.database.storage_error("is damaged", damage)
        self._checked_at = time.monotonic()

    def reserve_space(self, requests: Iterable[Request]) -> None:
        """Write the reserve, and check that the disk has space for these completions beside it.

        Raises:
            WorkbenchError: it has too little (exit code 2: nothing is sent yet).
        """
        expected = sum(request.size + COMPLETION_BYTES for request in requests)
        folder = self.database.folder
        file = folder / RESERVE
        free = free_bytes(folder) or 0
        try:
            if not file.exists() or file.stat().st_size < RESERVE_BYTES:
                with file.open("wb") as reserve:
                    file.chmod(0o600)
                    reserve.write(b"\0" * RESERVE_BYTES)
                free -= RESERVE_BYTES
            fits = free >= expected
        except OSError:
            file.unlink(missing_ok=True)
            fits = False
        if not fits:
            raise WorkbenchError(
                f"the completions need about {(expected + RESERVE_BYTES) / 1e6:,.1f} MB, "
                f"and {max(free, 0) / 1e6:,.1f} MB are free",
                where=str(folder),
                fix="free some space, or `--limit` the rows",
            )

    def stored_keys(
        self, keys: Collection[str], *, except_states: frozenset[str] = frozenset()
    ) -> set[str]:
        """Return those of `keys` that have a completion in none of the states `except_states`."""
        # By key, as the completions are read: in a damaged file a scan may see other rows.
        rows = self.database.read_keys("SELECT key, state FROM completions", keys)
        return {key for key, state in rows if state not in except_states}

    def completions(self, keys: Collection[str]) -> dict[str, Completion]:
        """Return the completions stored under `keys`; keys without one are left out."""
        query = "SELECT key, state, completion, request, sum FROM completions"
        return self._parse(parse_completion, self.database.read_keys(query, keys))

    def requests(self, keys: Collection[str]) -> dict[str, Request]:
        """Return the requests of the completions under `keys`, secrets redacted, no prefill."""
        rows = self.database.read_keys("SELECT key, request FROM completions", keys)
        return {key: parse_request(key, text) for key, text in rows}

    def stored_at(self, keys: Collection[str]) -> dict[str, float]:
        """Return when the completions under `keys` were stored, in seconds since 1970."""
        query = "SELECT key, (julianday(kept_at) - 2440587.5) * 86400 FROM completions"
        return dict(self.database.read_keys(query, keys))

    def save_completions(self, pairs: Iterable[tuple[Request, Completion]]) -> None:
        """Store completions and delete their leases and notes; they are durable when it returns.

        Raises:
            WorkbenchError: the disk is full or the store is damaged (exit code 5).
        """
        rows = [self._row(request, completion) for request, completion in pairs]
        if rows:
            keys = [(row[0],) for row in rows]
            self.database.write(
                [
                    (SAVE_COMPLETION, rows),
                    ("DELETE FROM intents WHERE key = ?", keys),
                    (FORGET, keys),
                ]
            )

    def scores(self, keys: Collection[str]) -> dict[str, Score]:
        """Return the scores stored under `keys`; keys without one are left out."""
        query = "SELECT key, evaluator, score, sum FROM scores"
        return self._parse(parse_score, self.database.read_keys(query, keys))

    def save_scores(self, evaluator: Evaluator, scores: Mapping[str, Score]) -> None:
        """Store scores by key, as durably as completions; a read-only store leaves them out."""
        self.save_all_scores([(evaluator, scores)])

    def save_all_scores(self, scores: Iterable[tuple[Evaluator, Mapping[str, Score]]]) -> None:
        """Store scores of several evaluators in one commit, as `save_scores`."""
        rows = []
        for evaluator, by_key in scores:
            for key, score in by_key.items():
                text = self.redactor.redact(
                    canonical_json({field: getattr(score, field) for field in SCORE_FIELDS})
                )
                rows.append((key, evaluator.name, text, checksum(key, evaluator.name, text)))
        if rows and not self.database.is_read_only:
            rows.sort()  # by key, so that those of one page of the table come together
            self.database.write([(SAVE_SCORE, rows)])

    def history(self, model: str) -> History:
        """Return averages over the completions of `model` (`provider:name`)."""
        return History(*self.database.read(HISTORY, (model,))[0])

    def _row(self, request: Request, completion: Completion) -> tuple[Any, ...]:
        texts = (
            completion.key,
            completion.state,
            self.redactor.redact(json.dumps(completion_json(completion))),
            self.redactor.redact(request_json(request)),
        )
        model = str(request.key_fields.get("model", ""))
        tokens = (completion.usage.input_tokens, completion.usage.output_tokens)
        return (*texts, checksum(*texts), model, request.size, *tokens, completion.latency_s)

    def _parse(
        self, parse: Callable[[str, str], Result], rows: Iterable[tuple[Any, ...]]
    ) -> dict[str, Result]:
        """Parse rows: a key, a state or evaluator, the JSON, other texts, the checksum of each."""
        results: dict[str, Result] = {}
        for *texts, total in rows:
            key = texts[0]
            try:
                if checksum(*texts) == total:
                    results[key] = parse(key, texts[2])
                    continue
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                problem = f"the row {key}: {error}"
                raise self.database.storage_error("is damaged", problem) from error
            problem = f"the row {key} does not match its checksum"
            raise self.database.storage_error("is damaged", problem)
        return results


def find_damage(database: Database) -> str:
    """Return the first damage of a store; empty if there is none."""
    if any((database.folder / "repairing").glob("new-*/store.db")):
        return "its repair was interrupted"
    if missing := database.missing_commits():
        return f"its last {pluralize(missing, 'change is', 'changes are')} missing"
    ((result,),) = database.read("PRAGMA integrity_check(1)")
    if result != "ok":
        return " ".join(str(result).split())
    for table, crc in CHECKSUMS.items():
        query = TOTALS.format(crc=crc, table=table)
        ((rows_read, sums_read, damaged_key, rows, sums),) = database.read(query)
        if damaged_key is not None:
            return f"the row {damaged_key} does not match its checksum"
        if (rows, sums) != (rows_read, sums_read):
            count = pluralize(rows, "row was", "rows were")
            return f"{table}: {count} stored, {pluralize(rows_read, 'is', 'are')} readable"
    return ""
