"""A damaged store made anew from what can be read of it; the damaged one is put by, never deleted.

repair(folder)   ->  Repair(findings=("database disk image is malformed",), salvaged=…, put_by=…)

.workbench/store.db                       the new one, in one step, when it is whole
.workbench/damaged-20251123T180500Z/      store.db, store.db-wal, store.db-shm as they were;
                                          lost.txt: keys of answers that were there
.workbench/repairing/                     where it is made; what a killed repair leaves is read, too
"""

import os
import shutil
import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import ExitCode, WorkbenchError
from workbench.store.completions import Store
from workbench.store.database import NAME, Database
from workbench.store.exclusive import alone
from workbench.store.salvage import Salvaged, salvage
from workbench.store.wal_check import log_damage

ASIDE = "repairing"
# The file, its log, how that is shared, and what was said to be durable.
PARTS = (NAME, f"{NAME}-wal", f"{NAME}-shm", "acknowledged")
FAULTS = 20  # of which SQLite tells
LEDGER = {
    "owners": ("id", "pid", "host", "plan", "begun_at"),
    "intents": ("key", "owner", "model", "cost", "sent", "noted_at"),
}


@dataclass(frozen=True)
class Repair:
    """What came of it.

    Attributes:
        findings: what is damaged; empty: nothing is, and nothing was changed.
        salvaged: what the new store holds.
        put_by: the folder with the damaged one.
    """

    findings: tuple[str, ...] = ()
    salvaged: Salvaged | None = None
    put_by: Path | None = None


def repair(folder: Path) -> Repair:
    """Makes the store in `folder` anew if it is damaged.

    Raises:
        WorkbenchError: there is none, it has a later format, another process is at work on it
            (exit code 7), or there is no room for a second one (exit code 5).
    """
    aside = folder / ASIDE
    if not aside.exists() and not any((folder / part).exists() for part in PARTS[:2]):
        raise WorkbenchError("there is no store yet", where=str(folder / NAME))
    try:
        with alone(folder):
            return _repaired(folder, aside)
    except OSError as error:
        raise WorkbenchError(
            f"the store can't be repaired: {error.strerror or error}",
            where=error.filename or str(folder),
            fix="see that the folder can be written and the disk has room for it twice more; "
            "the damaged store is as it was",
            exit_code=ExitCode.STORAGE,
        ) from error


def _repaired(folder: Path, aside: Path) -> Repair:
    earlier = [left for left in sorted(aside.glob("new-*")) if (left / NAME).exists()]
    copy, new = aside / "copy", aside / f"new-{uuid.uuid4().hex}"
    try:
        for made in (aside, copy, new):
            made.mkdir(mode=0o700, exist_ok=True)
        findings = examine(folder, copy)
        findings += ["an earlier repair was interrupted"] if earlier else []
        if not findings:
            shutil.rmtree(aside)
            return Repair()
        with Database(new) as database:
            salvaged = salvage([folder, *earlier], database)
            _copy_ledger(copy, database)
        with Store(new) as store:
            store.check()
        put_by = _put_by(folder, salvaged.lost)
        _take_the_place(new / NAME, folder)
        shutil.rmtree(aside)
        return Repair(tuple(findings), salvaged, put_by)
    except BaseException:
        for made in (copy, new):
            shutil.rmtree(made, ignore_errors=True)
        with suppress(OSError):
            aside.rmdir()  # where no earlier one is left
        raise


def examine(folder: Path, copy: Path) -> list[str]:
    """What is damaged, told from a copy: SQLite changes what it opens.

    Raises:
        WorkbenchError: the store has a later format.
    """
    shutil.rmtree(copy)
    copy.mkdir(mode=0o700)
    for part in (*PARTS[:2], PARTS[3]):
        with suppress(FileNotFoundError):
            shutil.copyfile(folder / part, copy / part)
    log = log_damage(folder)
    findings = [log] if log else []
    if not (folder / NAME).exists():
        findings.append("the file is gone")
    try:
        with closing(sqlite3.connect(copy / NAME)) as db:
            said = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({FAULTS})")]
        findings += [] if said == ["ok"] else said
    except sqlite3.Error as error:
        findings.append(str(error))
    try:
        with Store(copy) as store:
            store.check()
    except WorkbenchError as error:
        if error.exit_code != ExitCode.STORAGE:
            error.where = str(folder / NAME)
            raise
        findings.append(error.message)
    return findings


def _copy_ledger(copy: Path, database: Database) -> None:
    """Who was asking what, as far as SQLite can tell: the next run finds that they are gone."""
    for table, columns in LEDGER.items():
        listed = ", ".join(columns)
        rows = list[Sequence[str | float | None]]()
        with suppress(sqlite3.Error), closing(sqlite3.connect(copy / NAME)) as db:
            rows.extend(db.execute(f"SELECT {listed} FROM {table}"))  # noqa: S608
        marks = ", ".join("?" * len(columns))
        query = f"INSERT OR IGNORE INTO {table} ({listed}) VALUES ({marks})"  # noqa: S608
        with suppress(WorkbenchError):  # a value that is none
            database.write([(query, rows)])


def _put_by(folder: Path, lost: Sequence[str]) -> Path:
    """The damaged files under a second name, so that no moment is without them."""
    put_by = folder / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    put_by.mkdir(mode=0o700)
    for part in PARTS:
        if (folder / part).exists():
            try:
                (put_by / part).hardlink_to(folder / part)
            except OSError:  # a file system without links
                shutil.copy2(folder / part, put_by / part)
    listed = put_by / "lost.txt"
    listed.touch(0o600)
    listed.write_text("".join(f"{key}\n" for key in lost))
    _sync(put_by)
    _sync(folder)
    return put_by


def _take_the_place(new: Path, folder: Path) -> None:
    """The old log goes first: it would be taken for the new file's."""
    _sync(new)
    for part in PARTS[1:]:
        (folder / part).unlink(missing_ok=True)
    new.chmod(0o600)
    new.replace(folder / NAME)
    _sync(folder)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
