"""The file of the store: opened, written in whole steps, and never trusted blindly.

with Database(folder) as database:
    database.write([("INSERT INTO completions …", rows)])     # durable when it returns

Each row of an answer carries a checksum over all that it holds. SQLite notices a torn write by
itself (its log has checksums); a bit that changes on the disk later it doesn't, and an answer
that changed must neither be believed nor silently paid for again.
"""

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from workbench.errors import ExitCode, WorkbenchError
from workbench.store.disk_space import free_room, give_room
from workbench.store.schema import VERSION, make_tables, version_of
from workbench.store.watermark import Watermark

NAME = "store.db"
AT_ONCE = 500  # keys asked for in one statement
NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
PATIENCE = 30.0  # seconds for another process's commit
LEAST = 512  # bytes; SQLite takes a smaller file for a new one, and drops the log beside it
LATER = 1000  # formats; above them, it is no later version that has written the number
COMMITTED = "UPDATE store SET commits = commits + 1"
SYNC = getattr(os, "fdatasync", os.fsync)  # macOS has the latter only
Statement = tuple[str, Sequence[Sequence[Any]]]


class Database:
    """The store's file, open twice: for what must outlive a loss of power, and for notes.

    Notes (who asks what) outlive the end of this process at once, and a loss of power with the
    next answer that is kept. One thread at a time gets in; none waits while the disk writes down
    what another has committed (SQLite would wait for it with its file locked).

    Attributes:
        full: what is to be raised, once the disk was full: nothing new may begin.
    """

    full: WorkbenchError | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME
        self._lock = threading.RLock()
        self._marker = Watermark(folder)
        try:
            self._make_file()
            self._refuse_later_format()
            self._answers = self._connected()
            make_tables(self._answers)
            self._notes = self._connected()
            self._notes.execute("PRAGMA wal_autocheckpoint=0")  # the answers' turn, which may wait
            self._log = os.open(f"{self.path}-wal", os.O_RDWR)
            self._place = _place(self.path)
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "errno", 0) in FORBIDDEN:
                raise self._forbidden(error) from error
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
        os.close(self._log)
        self._marker.close()

    def fault(self, what: str, error: object) -> WorkbenchError:
        """The error that ends everything here: `the store <what>: <error>` (exit code 5)."""
        free = free_room(self.folder)
        room = "?" if free is None else f"{free / 1e6:,.0f}"
        return WorkbenchError(
            f"the store {what}: {error}",
            where=str(self.path),
            fix=f"see that the disk has room ({room} MB are free) and the file can be written; "
            "`workbench store repair` mends a damaged one",
            exit_code=ExitCode.STORAGE,
        )

    def _forbidden(self, error: object) -> WorkbenchError:
        return WorkbenchError(
            f"the store can't be written: {error}",
            where=str(self.path),
            fix="make the folder writable for this user, or work on a copy of the project",
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
        with self._lock:
            self._commit(self._answers, [*statements, (COMMITTED, [()])])
            said = self.identity()
        try:
            SYNC(self._log)
        except OSError as error:
            raise self.fault("can't be written", error) from error
        self._marker.note(*said)

    def identity(self) -> tuple[str, int]:
        """Which store this is, and how often something durable was written to it."""
        ((store, commits),) = self.read("SELECT id, commits FROM store")
        return store, commits

    def acknowledged(self, store: str) -> int:
        """How often something was at least; more than there is: the file has lost some."""
        return self._marker.commits(store)

    def note(self, statements: Sequence[Statement]) -> int:
        """As `write`, but for the loss of power; gives how many rows were changed."""
        return self._commit(self._notes, statements)

    def shrink(self) -> None:
        """Gives back the room of what was deleted, and leaves no trace of it in the file."""
        with self._lock:
            try:
                self._answers.execute("VACUUM")
                self._answers.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise self.fault("can't be written", error) from error

    def _commit(self, connection: sqlite3.Connection, statements: Sequence[Statement]) -> int:
        """Gives how many rows were changed."""
        with self._lock:
            self._check_file()
            try:
                return _execute(connection, statements)
            except sqlite3.Error as error:
                if not self._is_full(error):
                    raise self.fault("can't be written", error) from error
                self.full = self.fault("is full; what had arrived is kept", error)
                return self._commit_again(connection, statements)

    def _commit_again(self, connection: sqlite3.Connection, statements: Sequence[Statement]) -> int:
        """In the room that was set aside; it is the end all the same."""
        try:
            return _execute(connection, statements)
        except sqlite3.Error as error:
            raise self.fault("can't be written", error) from error

    def _is_full(self, error: sqlite3.Error) -> bool:
        """Whether there was no room, and there is some now."""
        code = getattr(error, "sqlite_errorcode", 0)  # a closed connection has none
        return code & 0xFF in NO_ROOM and give_room(self.folder)

    def _check_file(self) -> None:
        """That what is written is still what others would open."""
        try:
            same = _place(self.path) == self._place
        except OSError as error:
            raise self.fault("is gone", error) from error
        if not same:
            raise self.fault("is gone", "another file has taken its place")

    def _make_file(self) -> None:
        """Makes the file, as durable as what will be in it.

        A file that is there isn't opened: to close it would end SQLite's locks of this process.
        """
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            self.path.chmod(0o600)
            if self.path.stat().st_size < LEAST and self._marker.store:
                raise self.fault("is damaged", "it is empty, and once it was not") from None
            return
        self._marker.forget()
        for folder in (self.folder, self.folder.parent):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE, check_same_thread=False, isolation_level=None
        )
        connection.create_function("crc", -1, _crc, deterministic=True)
        _log_ahead(connection)
        connection.execute("PRAGMA synchronous=NORMAL")  # `write` sees to the log itself
        return connection

    def _refuse_later_format(self) -> None:
        """Before anything is written to it, not even how it is logged."""
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as db:
            found = version_of(db)
        if found > LATER:
            raise self.fault("is damaged", f"{found} is no format")
        if found > VERSION:
            raise WorkbenchError(
                f"the store has format {found}, this version reads {VERSION}",
                where=str(self.path),
                fix="use the version of workbench that made it, or move the file away",
            )


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Turns the log on; where another process just does, SQLite refuses without waiting."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _place(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def checksum(*values: str) -> int:
    """Of a row's texts; SQL knows it as `crc`."""
    return crc32("\0".join(values).encode("utf-8", "surrogatepass"))


def _crc(*values: object) -> int:
    """No checksum has -1: damage can change what kind of value a row holds."""
    texts = [value for value in values if isinstance(value, str)]
    return checksum(*texts) if len(texts) == len(values) else -1


def _execute(connection: sqlite3.Connection, statements: Sequence[Statement]) -> int:
    """All or nothing; gives how many rows were changed."""
    before = connection.total_changes
    if len(statements) == 1 and len(statements[0][1]) == 1:  # which SQLite does as a whole, too
        connection.execute(statements[0][0], statements[0][1][0])
        return connection.total_changes - before
    connection.execute("BEGIN IMMEDIATE")
    try:
        for query, rows in statements:
            connection.executemany(query, rows)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return connection.total_changes - before
