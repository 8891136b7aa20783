"""The file of an SQLite tracking store: created, or copied where it can't be written.

/project/.workbench/mlflow.db       of a read-only mount, or of another user
/tmp/workbench-x3k9/mlflow.db       copied once per process, since MLflow writes when it opens a
                                    store; the artifacts stay beside the original
"""

import os
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy
from filelock import FileLock
from mlflow.store.db.utils import _initialize_tables

from workbench.errors import ExitCode, WorkbenchError
from workbench.store.read_only import copy_database, is_read_only
from workbench.tracking.mlflow_client import silence

SQLITE = "sqlite:///"
LOCK_S = 60.0  # wait for another process that creates something
BUSY_S = 20.0  # for another process's commit


def create_file(file: Path) -> None:
    """Create a store with MLflow's tables under another name, so a kill leaves no partial one.

    Raises:
        WorkbenchError: the file, or its folder, can't be written (exit code 5).
        OSError, sqlite3.Error, sqlalchemy.exc.SQLAlchemyError: it can't be created.
    """
    if is_read_only(file):
        folder = next(folder for folder in file.absolute().parents if folder.exists())
        raise WorkbenchError(
            "the MLflow store can't be written, and MLflow writes when it opens one",
            where=str(file),
            fix=f"chmod -R u+rwX {folder}, work on a copy of the project, or name a server or "
            "another file: --tracking-uri",
            exit_code=ExitCode.STORAGE,
        )
    if file.exists():
        return
    new_file = file.with_suffix(f".new-{os.getpid()}")
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock"), timeout=LOCK_S):
        if file.exists():
            return
        silence()
        engine = sqlalchemy.create_engine(f"{SQLITE}{new_file}")
        sqlalchemy.event.listen(engine, "connect", _skip_syncs)
        _initialize_tables(engine)
        engine.dispose()
        with closing(sqlite3.connect(new_file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")  # stays, lets readers in; syncs it
        new_file.chmod(0o600)
        new_file.rename(file)


def _skip_syncs(connection: sqlite3.Connection, _record: object) -> None:
    """MLflow's migrations would wait for the disk some 400 times, which can take seconds."""
    connection.executescript("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY")


def readable_file(file: Path) -> Path:
    """The file, or a copy of its commits until now where it can't be written.

    Raises:
        sqlite3.Error: it is damaged or can't be read.
        OSError: there is no space for a copy.
    """
    if not is_read_only(file):
        return file
    log = Path(f"{file}-wal")
    changes = tuple(path.stat().st_mtime_ns for path in (file, log) if path.exists())
    return Path(_copy(file.absolute(), changes).name) / file.name


@cache
def _copy(file: Path, _changes: tuple[int, ...]) -> "TemporaryDirectory[str]":
    """A folder with a copy, which is deleted when this process ends; empty: there is no file."""
    folder = TemporaryDirectory(prefix="workbench-")
    if file.exists():
        copy_database(file, Path(folder.name) / file.name, BUSY_S)
    return folder
