"""The SQLite file of the store: opening, atomic writes, storage errors.

    .workbench/store.db, store.db-wal      ("INSERT INTO completions …", rows)
    .workbench/reserve                     4 MB, deleted when the disk is full: for calls in flight

Each stored completion has a checksum over its texts. SQLite's log has checksums and detects a torn
write. Its database file has none: a bit that changes there later is detected by ours only.
"""

import errno
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Self
from zlib import crc32

from workbench.errors import FORBIDDEN, ExitCode, WorkbenchError
from workbench.project.disk_sync import sync
from workbench.store.read_only import connect_read_only, is_read_only
from workbench.store.schema import OLDEST, VERSION, create_tables, format_error, format_of
from workbench.store.watermark import Watermark

NAME = "store.db"
RESERVE = "reserve"
KEYS_PER_QUERY = 500
FULL_CODES = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
BUSY_TIMEOUT_S = 30.0  # for another process's commit
SMALLEST = 512  # bytes; SQLite takes a smaller file for a new one and deletes its log
LARGEST_FORMAT = 1000  # a larger number was not written by any version
COUNT_COMMIT = "UPDATE store SET commits = commits + 1"
SYNC = getattr(os, "fdatasync", os.fsync)  # macOS has no fdatasync
Statement = tuple[str, Sequence[Sequence[Any]]]


class Database:
    """The store's file with two connections: for synced writes and for unsynced ones.

    An unsynced write survives the end of this process at once, and a loss of power from the next
    synced write on. One thread at a time uses a connection, but none waits while another syncs the
    log: SQLite itself would sync with its file locked.

    Attributes:
        full_error: raised before any new call once the disk was full; None until then.
        is_read_only: the file or its folder can't be written; writing raises OSError.
    """

    full_error: WorkbenchError | None = None
    _connect_to_read = staticmethod(connect_read_only)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / NAME
        self._lock = threading.RLock()
        self._watermark = Watermark(folder)
        self.connect()

    def connect(self) -> None:
        """Open the file; again after `disconnect`.

        Raises:
            WorkbenchError: it can't be opened.
        """
        try:
            self.is_read_only = is_read_only(self.path)
            if self.is_read_only:
                self._open_read_only()
                return
            self._create_file()
            with closing(sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)) as connection:
                self._check_format(connection)
            self._synced = self._connect()
            create_tables(self._synced)
            self._unsynced = self._connect()
            self._unsynced.execute("PRAGMA wal_autocheckpoint=0")  # only synced writes may wait
            self._log = os.open(f"{self.path}-wal", os.O_RDWR)
            self._status = self.path.stat()
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "errno", 0) in FORBIDDEN:
                raise WorkbenchError(
                    f"the store can't be written: {error}",
                    where=str(self.path),
                    fix="make the folder writable for this user, or work on a copy of the project",
                ) from error
            raise self.storage_error("can't be opened", error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.disconnect()
        self._watermark.close()

    def disconnect(self) -> None:
        """Close the file; no other thread may use it."""
        self._unsynced.close()
        self._synced.close()
        if not self.is_read_only:
            os.close(self._log)

    def storage_error(self, problem: str, cause: object) -> WorkbenchError:
        """The error `the store <problem>: <cause>` (exit code 5)."""
        free = free_bytes(self.folder)
        megabytes = "?" if free is None else f"{free / 1e6:,.0f}"
        return WorkbenchError(
            f"the store {problem}: {cause}",
            where=str(self.path),
            fix=f"check that the disk has space ({megabytes} MB are free) and the file can be "
            "written; `workbench store repair` repairs a damaged store",
            exit_code=ExitCode.STORAGE,
        )

    def read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        try:
            with self._lock:
                return self._synced.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self.storage_error("can't be read", error) from error

    def read_keys(self, query: str, keys: Collection[str]) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of `query … WHERE key IN (keys)`."""
        listed = list(keys)
        for start in range(0, len(listed), KEYS_PER_QUERY):
            batch = listed[start : start + KEYS_PER_QUERY]
            marks = ",".join("?" * len(batch))
            yield from self.read(f"{query} WHERE key IN ({marks})", batch)

    def write(self, statements: Sequence[Statement]) -> None:
        """Execute all statements or none; when it returns, they survive a loss of power.

        Raises:
            WorkbenchError: the disk is full, or the file is damaged or gone.
        """
        with self._lock:
            self._commit(self._synced, [*statements, (COUNT_COMMIT, [()])])
            store, commits = self._identity()
        try:
            SYNC(self._log)
        except OSError as error:
            raise self.storage_error("can't be written", error) from error
        self._watermark.advance(store, commits)

    def write_unsynced(self, statements: Sequence[Statement]) -> int:
        """Execute all statements or none, without a sync; return the number of changed rows."""
        return self._commit(self._unsynced, statements)

    def missing_commits(self) -> int:
        """Return the number of synced commits that the file has lost, by the watermark."""
        # The watermark is read before the commits: other processes only ever increase both.
        acknowledged_store, acknowledged = self._watermark.read()
        store, commits = self._identity()
        return max(0, acknowledged - commits) if store == acknowledged_store else 0

    def shrink(self) -> None:
        """Return the space of deleted rows to the disk, and leave no trace of them in the file."""
        for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
            self._commit(self._synced, [(statement, [()])])

    def _identity(self) -> tuple[str, int]:
        """Return the store's id and its number of synced commits."""
        ((store, commits),) = self.read("SELECT id, commits FROM store")
        return store, commits

    def _commit(self, connection: sqlite3.Connection, statements: Sequence[Statement]) -> int:
        if self.is_read_only:
            raise OSError(errno.EROFS, "the store can only be read", str(self.path))
        with self._lock:
            self._check_file()
            try:
                return _execute(connection, statements)
            except sqlite3.Error as error:
                code = getattr(error, "sqlite_errorcode", 0)  # a closed connection has none
                reserve = self.folder / RESERVE
                if code & 0xFF not in FULL_CODES or not reserve.exists():
                    raise self.storage_error("can't be written", error) from error
                self._synced.execute("PRAGMA wal_autocheckpoint=0")  # it would fill the reserve
                reserve.unlink(missing_ok=True)
                self.full_error = self.storage_error("is full; no completion was lost", error)
            try:
                return _execute(connection, statements)
            except sqlite3.Error as error:
                raise self.storage_error("can't be written", error) from error

    def _check_file(self) -> None:
        """Check that the path still names the open file."""
        try:
            same = os.path.samestat(self.path.stat(), self._status)
        except OSError as error:
            raise self.storage_error("is gone", error) from error
        if not same:
            raise self.storage_error("is gone", "the file was replaced by another")

    def _create_file(self) -> None:
        """Create the file if there is none, and sync its folders.

        An existing file isn't opened: closing it would release SQLite's locks of this process.
        """
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            self.path.chmod(0o600)
            self._check_size()
            return
        self._watermark.delete()
        for folder in (self.folder, self.folder.parent):
            sync(folder)

    def _check_size(self) -> None:
        if self.path.stat().st_size < SMALLEST and self._watermark.read()[0]:
            raise self.storage_error("is damaged", "the file is empty, but was not") from None

    def _open_read_only(self) -> None:
        """Open a file without writing it; a missing or older one is completed in memory."""
        connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        if self.path.exists():
            self._check_size()
            file = self._connect_to_read(self.path, BUSY_TIMEOUT_S)
            self._check_format(file)
            if format_of(file) == VERSION:
                connection = file
            else:
                file.backup(connection)
        connection.create_function("crc", -1, _crc, deterministic=True)
        create_tables(connection)
        self._synced = self._unsynced = connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None
        )
        connection.create_function("crc", -1, _crc, deterministic=True)
        _enable_log(connection)
        connection.execute("PRAGMA synchronous=NORMAL")  # `write` syncs the log itself
        return connection

    def _check_format(self, connection: sqlite3.Connection) -> None:
        """Refuse a file of another format before anything is written to it."""
        number = format_of(connection)
        if number > LARGEST_FORMAT:
            raise self.storage_error("is damaged", f"its format is {number}")
        if number and not OLDEST <= number <= VERSION:
            raise format_error(self.path, number)


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes of the disk; None if they are not known."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def _enable_log(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; while another process does, SQLite refuses without waiting."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def checksum(*values: str) -> int:
    """Checksum of a row's texts; in SQL, `crc(…)`."""
    return crc32("\0".join(values).encode("utf-8", "surrogatepass"))


def _crc(*values: object) -> int:
    """The SQL function; -1, which no checksum equals, if damage changed the type of a value."""
    texts = [value for value in values if isinstance(value, str)]
    return checksum(*texts) if len(texts) == len(values) else -1


def _execute(connection: sqlite3.Connection, statements: Sequence[Statement]) -> int:
    """Execute all statements or none; return the number of changed rows."""
    before = connection.total_changes
    if len(statements) == 1 and len(statements[0][1]) == 1:  # a single statement is atomic itself
        connection.execute(statements[0][0], statements[0][1][0])
        return connection.total_changes - before
    with connection:  # commits, or rolls back after an error
        connection.execute("BEGIN IMMEDIATE")
        for query, rows in statements:
            connection.executemany(query, rows)
    return connection.total_changes - before
