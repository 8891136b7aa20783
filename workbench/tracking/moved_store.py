"""Artifact addresses of an SQLite store that was moved or copied.

MLflow stores absolute addresses. The artifacts are in a folder beside the store's file:

    file:///old/.workbench/artifacts/qa/7c0f…    before `mv old new`
    file:///new/.workbench/artifacts/qa/7c0f…    from the next command on
"""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

ADDRESS_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)
BUSY_S = 20.0  # for another process's commit


def update_addresses(file: Path, artifacts: Path) -> None:
    """Replace addresses below the store's former folder by those below `artifacts`.

    A copy without the artifacts gets a copy of them too, so that it never writes in the original.
    A file that can't be written keeps its addresses.

    Raises:
        sqlite3.Error: another process keeps the store locked.
    """
    with closing(sqlite3.connect(file, timeout=BUSY_S)) as connection:
        query = "SELECT artifact_location FROM experiments"
        for (old,) in connection.execute(query).fetchall():
            folder = artifacts / _path(old).name
            if old == folder.as_uri() or not _is_moved(old, folder, file.name):
                continue
            if not os.access(file, os.W_OK):
                return
            with connection:
                for name in _names(connection, old):
                    _copy_missing(_path(old) / name, folder / name)
                for table, column in ADDRESS_COLUMNS:
                    _replace_prefix(connection, table, column, (old, folder.as_uri()))


def _is_moved(old: str, folder: Path, file_name: str) -> bool:
    """True if an experiment's artifacts were beside a store's file that is elsewhere now."""
    before = _path(old)
    home = before.parent.parent
    if not old.startswith("file:") or before.parent.name != folder.parent.name:
        return False  # an address that somebody chose
    same_name = home.name == folder.parent.parent.name
    return folder.exists() or (home / file_name).is_file() or (same_name and not before.exists())


def has_artifacts(address: str) -> bool:
    """False if a run's artifacts are missing below a folder of this machine."""
    folder = _path(address)
    if urlsplit(address).scheme != "file" or not folder.parents[2].is_dir():  # another machine's
        return True
    return folder.is_dir() and any(folder.iterdir())


def _path(address: str) -> Path:
    return Path(unquote(urlsplit(address).path))


def _replace_prefix(
    connection: sqlite3.Connection, table: str, column: str, prefixes: tuple[str, str]
) -> None:
    """Replace the first prefix by the second in a column; a version of MLflow may lack it."""
    query = "SELECT name FROM pragma_table_info(?)"
    if (column,) in connection.execute(query, [table]).fetchall():
        old, new = prefixes
        connection.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608  our names
            f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
            (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
        )


def _names(connection: sqlite3.Connection, location: str) -> list[str]:
    """The folders of an experiment's runs and models, below its own."""
    query = (
        "SELECT run_uuid FROM runs JOIN experiments USING (experiment_id) "
        "WHERE experiments.artifact_location = :location UNION ALL "
        "SELECT 'models/' || model_id FROM logged_models JOIN experiments USING (experiment_id) "
        "WHERE experiments.artifact_location = :location"
    )
    return [str(name) for (name,) in connection.execute(query, {"location": location})]


def _copy_missing(source: Path, target: Path) -> None:
    """Copy a folder that was left behind, completely or not at all."""
    if source.is_dir() and not target.exists():
        partial = target.with_name(f".{target.name}.partial")
        with suppress(OSError):
            shutil.copytree(source, partial, dirs_exist_ok=True)
            partial.rename(target)
