"""Completions and scores, each kept once, durable before they are counted.

.workbench/store.db, SQLite in WAL mode with synchronous=FULL

completions   key -> state, the completion, the request's body
scores        key -> the score
"""

import dataclasses
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from workbench.canonical import JSON, canonical, digest
from workbench.errors import ExitCode, WorkbenchError
from workbench.evaluator import Evaluator, Score
from workbench.model import Completion, Request, Usage

SCHEMA = """
CREATE TABLE IF NOT EXISTS completions (
    key TEXT PRIMARY KEY, state TEXT NOT NULL, completion TEXT NOT NULL, request TEXT NOT NULL,
    kept_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scores (
    key TEXT PRIMARY KEY, evaluator TEXT NOT NULL, score TEXT NOT NULL,
    kept_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
"""
VERSION = 1
Kept = TypeVar("Kept")
AT_ONCE = 500  # keys asked for in one statement
UNKEPT = ("key", "stored")  # fields of a completion that are no part of the answer
# Replies that are no answers: kept, and sent again only when asked to.
RETRIABLE = frozenset({"filtered", "empty_output", "invalid_response"})


class Store:
    """The store of one project; a context manager. One thread at a time gets in."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "store.db"
        self._lock = threading.Lock()
        try:
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._path.chmod(0o600)
            self._db = sqlite3.connect(self._path, timeout=30, check_same_thread=False)
            self._open()
        except (sqlite3.Error, OSError) as error:
            raise self._fault("can't be opened", error) from error

    def _open(self) -> None:
        """Makes the tables where there are none; another format is left as it is."""
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, VERSION):
            self._db.close()
            raise WorkbenchError(
                f"the store has format {found}, this version reads {VERSION}",
                where=str(self._path),
                fix="use the version of workbench that made it, or move the file away",
            )
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SCHEMA}")
        self._db.execute(f"PRAGMA user_version={VERSION}")
        self._db.commit()

    def _fault(self, what: str, error: Exception) -> WorkbenchError:
        return WorkbenchError(
            f"the store {what}: {error}",
            where=str(self._path),
            fix="free some space, or end what else writes there; if it is damaged, move it away",
            exit_code=ExitCode.STORAGE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def kept(self, keys: Collection[str], *, without: frozenset[str] = frozenset()) -> set[str]:
        """Those of `keys` whose completion is here and in none of the states `without`."""
        return {
            key
            for key, state in self._select("SELECT key, state FROM completions", keys)
            if state not in without
        }

    def completions(self, keys: Collection[str]) -> dict[str, Completion]:
        """Those completions of `keys` that are here."""
        rows = self._select("SELECT key, completion FROM completions", keys)
        return {key: self._read(_completion, key, text) for key, text in rows}

    def keep(self, pairs: Iterable[tuple[Request, Completion]]) -> None:
        """Keeps answers; when it returns they would outlive a loss of power.

        Raises:
            WorkbenchError: the disk is full or the store is damaged (exit code 5).
        """
        rows = [
            (completion.key, completion.state, _text(completion), canonical(request.body))
            for request, completion in pairs
        ]
        self._write("INSERT OR REPLACE INTO completions (key, state, completion, request)", rows)

    def scores(self, keys: Collection[str]) -> dict[str, Score]:
        """Those scores of `keys` that are here."""
        rows = self._select("SELECT key, score FROM scores", keys)
        return {key: self._read(_score, key, text) for key, text in rows}

    def keep_scores(self, evaluator: Evaluator, scores: Mapping[str, Score]) -> None:
        """Keeps scores, as durably as completions."""
        rows = [
            (key, evaluator.name, canonical(dataclasses.asdict(score)))
            for key, score in scores.items()
        ]
        self._write("INSERT OR REPLACE INTO scores (key, evaluator, score)", rows)

    def _select(self, query: str, keys: Collection[str]) -> Iterator[tuple[str, str]]:
        wanted = list(keys)
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            try:
                with self._lock:
                    rows = self._db.execute(f"{query} WHERE key IN ({marks})", some).fetchall()
            except sqlite3.Error as error:
                raise self._fault("can't be read", error) from error
            yield from rows

    def _read(self, kind: Callable[[str, str], Kept], key: str, text: str) -> Kept:
        try:
            return kind(key, text)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._fault(f"is damaged at {key}", error) from error

    def _write(self, query: str, rows: Sequence[tuple[str, ...]]) -> None:
        if not rows:
            return
        marks = ",".join("?" * len(rows[0]))
        try:
            with self._lock, self._db:
                self._db.executemany(f"{query} VALUES ({marks})", rows)
        except sqlite3.Error as error:
            raise self._fault("can't be written", error) from error


def score_key(evaluator: Evaluator, data: Mapping[str, JSON]) -> str:
    """The key of one score: the evaluator with its settings, and every argument it declares."""
    return digest([evaluator.digest, {name: data[name] for name in evaluator.arguments}])


def completion_json(completion: Completion) -> dict[str, JSON]:
    """What an evaluator can see of a completion, as JSON."""
    said = dataclasses.asdict(completion)
    return {name: value for name, value in said.items() if name not in UNKEPT}


def _text(completion: Completion) -> str:
    return json.dumps(completion_json(completion))


def _completion(key: str, text: str) -> Completion:
    said = json.loads(text)
    usage = Usage(**said.pop("usage"))
    return Completion(key=key, usage=usage, stored=True, **said)


def _score(key: str, text: str) -> Score:  # noqa: ARG001  as _completion
    return Score(**json.loads(text))
