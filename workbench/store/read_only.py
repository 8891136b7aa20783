"""SQLite files that are read where they or their folder can't be written.

.workbench/store.db       of a read-only mount, of another user, of a folder without `w`
.workbench/store.db-wal   may hold commits that the file lacks
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote


def is_read_only(file: Path) -> bool:
    """True if a file, or the folder that it is or would be in, can't be written."""
    folder = next(folder for folder in file.absolute().parents if folder.exists())
    return not all(os.access(path, os.W_OK) for path in (folder, file) if path.exists())


def connect_read_only(file: Path, timeout_s: float) -> sqlite3.Connection:
    """Connect to a file that is not written.

    SQLite reads a log through a second file. It finds that of a process that writes, or creates it
    in a folder that can be written. Without both, a file without a log is complete; one with a log
    is read as a copy.

    Raises:
        sqlite3.Error: the file is damaged or can't be read.
    """
    log = Path(f"{file}-wal")
    with suppress(sqlite3.OperationalError):
        return _open(file, "mode=ro", timeout_s)
    if not log.exists() or not log.stat().st_size:
        return _open(file, "immutable=1", timeout_s)
    with TemporaryDirectory() as folder:  # an open file stays after its name is gone
        for source in (file, log):
            shutil.copyfile(source, Path(folder) / source.name)
        return _open(Path(folder) / file.name, "mode=rw", timeout_s)


def connect_unchanged(file: Path, timeout_s: float) -> sqlite3.Connection:
    """Connect as `connect_read_only`; without a log no file is created beside this one.

    Raises:
        sqlite3.Error: the file is damaged or can't be read.
    """
    log = Path(f"{file}-wal")
    if log.exists() and log.stat().st_size:
        return connect_read_only(file, timeout_s)
    return _open(file, "immutable=1", timeout_s)


def copy_database(file: Path, copy: Path, timeout_s: float) -> None:
    """Copy a file with the commits of its log."""
    with (
        closing(connect_read_only(file, timeout_s)) as connection,
        closing(sqlite3.connect(copy)) as target,
    ):
        connection.backup(target)


def _open(file: Path, option: str, timeout_s: float) -> sqlite3.Connection:
    address = f"file:{quote(str(file.absolute()))}?{option}"
    connection = sqlite3.connect(address, uri=True, timeout=timeout_s, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
