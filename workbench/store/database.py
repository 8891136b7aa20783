"""The file of the store: opened, written in whole steps, and never trusted blindly.

with Database(folder) as database:
    database.write([("INSERT INTO completions …", rows)])     # durable when it returns

Each row of an answer carries a checksum over all that it holds. SQLite notices a torn write by
itself (its log has checksums); a bit that changes on the disk later it doesn't, and an answer
that changed must neither be believed nor silently paid for again.
"""

import os
import shutil
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from workbench.errors import ExitCode, WorkbenchError

SCHEMA = """
CREATE TABLE IF NOT EXISTS completions (
    key TEXT PRIMARY KEY, state TEXT NOT NULL, completion TEXT NOT NULL, request TEXT NOT NULL,
    sum INTEGER NOT NULL, model TEXT NOT NULL, size INTEGER NOT NULL, input_tokens INTEGER,
    output_tokens INTEGER, latency_s REAL,
    kept_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS history
    ON completions (model, size, input_tokens, output_tokens, latency_s);
CREATE TABLE IF NOT EXISTS scores (
    key TEXT PRIMARY KEY, evaluator TEXT NOT NULL, score TEXT NOT NULL, sum INTEGER NOT NULL,
    kept_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
    id TEXT PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, plan TEXT NOT NULL,
    begun_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intents (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, model TEXT NOT NULL, cost REAL,
    sent INTEGER NOT NULL, noted_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, model TEXT NOT NULL, outcome TEXT NOT NULL,
    reason TEXT NOT NULL, cost REAL, noted_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS calls_by_key ON calls (key);
"""
UPGRADE = """
ALTER TABLE completions ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE completions ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE completions ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE completions ADD COLUMN input_tokens INTEGER;
ALTER TABLE completions ADD COLUMN output_tokens INTEGER;
ALTER TABLE completions ADD COLUMN latency_s REAL;
UPDATE completions SET sum = crc(key, state, completion, request);
ALTER TABLE scores ADD COLUMN sum INTEGER NOT NULL DEFAULT 0;
UPDATE scores SET sum = crc(key, evaluator, score);
"""
VERSION = 2
NAME = "store.db"
RESERVE = "reserve"  # a file of nothing, given up where the disk is full: room for what is arriving
RESERVED = 4 * 1024 * 1024  # bytes
AT_ONCE = 500  # keys asked for in one statement
NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
PATIENCE = 30.0  # seconds for another process's commit
Statement = tuple[str, Sequence[Sequence[Any]]]


class Database:
    """The store's file, open twice: for what must outlive a loss of power, and for notes.

    Notes (who asks what) outlive the end of this process at once, and a loss of power with the
    next answer that is kept. One thread at a time gets in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME
        self._lock = threading.RLock()
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self.path.chmod(0o600)
            self._refuse_later_format()
            self._answers = self._connected("FULL")
            self._make_tables()
            self._notes = self._connected("NORMAL")
            self._inode = self.path.stat().st_ino
        except (sqlite3.Error, OSError) as error:
            raise self.fault("can't be opened", error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._notes.close()
        self._answers.close()

    def fault(self, what: str, error: object) -> WorkbenchError:
        """The error that ends everything here: `the store <what>: <error>` (exit code 5)."""
        free = "?"
        with suppress(OSError):
            free = f"{shutil.disk_usage(self.folder).free / 1e6:,.0f}"
        return WorkbenchError(
            f"the store {what}: {error}",
            where=str(self.path),
            fix=f"see that the disk has room ({free} MB are free) and the file can be written; "
            "`workbench store repair` mends a damaged one",
            exit_code=ExitCode.STORAGE,
        )

    def read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a query finds."""
        try:
            with self._lock:
                return self._answers.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self.fault("can't be read", error) from error

    def read_keys(self, query: str, keys: Collection[str]) -> Iterator[tuple[Any, ...]]:
        """The rows that `query … WHERE key IN (keys)` finds."""
        wanted = list(keys)
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            yield from self.read(f"{query} WHERE key IN ({marks})", some)

    def write(self, statements: Sequence[Statement]) -> None:
        """Does all of it or nothing; when it returns it would outlive a loss of power.

        Raises:
            WorkbenchError: the disk is full, the file is damaged, or it is not there any more.
        """
        self._commit(self._answers, statements)

    def note(self, statements: Sequence[Statement]) -> None:
        """As `write`, but for the loss of power."""
        self._commit(self._notes, statements)

    def shrink(self) -> None:
        """Gives back the room of what was deleted, and leaves no trace of it in the file."""
        with self._lock:
            try:
                self._answers.execute("VACUUM")
                self._answers.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise self.fault("can't be written", error) from error

    def _commit(self, connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
        with self._lock:
            self._check_file()
            try:
                _execute(connection, statements)
            except sqlite3.Error as error:
                if error.sqlite_errorcode & 0xFF in NO_ROOM and self._give_room():
                    with suppress(sqlite3.Error):  # what was arriving; it is the end all the same
                        _execute(connection, statements)
                        raise self.fault("is full; what had arrived is kept", error) from error
                raise self.fault("can't be written", error) from error

    def _check_file(self) -> None:
        """That what is written is still what others would open."""
        try:
            same = self.path.stat().st_ino == self._inode
        except OSError as error:
            raise self.fault("is gone", error) from error
        if not same:
            raise self.fault("is gone", "another file has taken its place")

    def take_room(self, expected: int) -> None:
        """Sets room aside for answers that arrive when the disk is full.

        Args:
            expected: bytes that the answers to come will need, about.

        Raises:
            WorkbenchError: there is less room than that (exit code 2: nothing is sent yet).
        """
        file = self.folder / RESERVE
        try:
            if not file.exists() or file.stat().st_size < RESERVED:
                with file.open("wb") as made:
                    file.chmod(0o600)
                    made.write(b"\0" * RESERVED)
            free = shutil.disk_usage(self.folder).free
        except OSError:
            file.unlink(missing_ok=True)
            free = 0
        if free < expected:
            raise WorkbenchError(
                f"the answers need about {(expected + RESERVED) / 1e6:,.1f} MB, "
                f"and {free / 1e6:,.1f} MB are free",
                where=str(self.folder),
                fix="free some space, or `--limit` the rows",
            )

    def _give_room(self) -> bool:
        """Whether there was room set aside and it is free now."""
        try:
            (self.folder / RESERVE).unlink()
        except OSError:
            return False
        return True

    def _connected(self, synchronous: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE, check_same_thread=False, isolation_level=None
        )
        connection.create_function("crc", -1, checksum, deterministic=True)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        return connection

    def _refuse_later_format(self) -> None:
        """Before anything is written to it, not even how it is logged."""
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as db:
            found = _version(db)
        if found > VERSION:
            raise WorkbenchError(
                f"the store has format {found}, this version reads {VERSION}",
                where=str(self.path),
                fix="use the version of workbench that made it, or move the file away",
            )

    def _make_tables(self) -> None:
        """Where there are none, or those of an earlier format; all in one step."""
        db = self._answers
        if _version(db) == VERSION:
            return
        db.execute("BEGIN IMMEDIATE")
        try:
            upgrade = UPGRADE if _version(db) == 1 else ""
            for statement in (upgrade + SCHEMA).split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def checksum(*values: str) -> int:
    """Of a row's texts; SQL knows it as `crc`."""
    return crc32("\0".join(values).encode("utf-8", "surrogatepass"))


def _execute(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for query, rows in statements:
            connection.executemany(query, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
