"""Repair of a damaged store: a new file from its readable rows. The old one is kept.

.workbench/store.db                      the new file, moved into place when it is complete
.workbench/damaged-20251123T180500Z/     the old store.db, store.db-wal, store.db-shm;
                                         lost.txt: keys that could not be recovered
.workbench/repairing/                    work files; a repair that was killed left its new-*
"""

import shutil
import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import ExitCode, WorkbenchError
from workbench.project.disk_sync import sync
from workbench.store.access import exclusive_access
from workbench.store.completions import Store
from workbench.store.database import LARGEST_FORMAT, NAME, Database
from workbench.store.recovery import Recovered, recover
from workbench.store.schema import OLDEST, VERSION, format_error, format_of

LOG = f"{NAME}-wal"
WATERMARK = "acknowledged"
PARTS = (NAME, LOG, f"{NAME}-shm", WATERMARK)


@dataclass(frozen=True)
class Repair:
    """The result of a repair.

    Attributes:
        findings: the damage; empty: there is none, and nothing was changed.
        recovered: contents of the new store.
        damaged_folder: holds the damaged store.
    """

    findings: tuple[str, ...] = ()
    recovered: Recovered | None = None
    damaged_folder: Path | None = None


def repair(folder: Path) -> Repair:
    """Rebuild the store in `folder` from its readable rows if it is damaged.

    Raises:
        WorkbenchError: there is no store (exit code 2), or it has another format, no row can be
            read, or the disk is full (5), or another process uses it (7).
    """
    work = folder / "repairing"
    if not work.exists() and not any((folder / part).exists() for part in (NAME, LOG)):
        raise WorkbenchError("there is no store yet", where=str(folder / NAME))
    try:
        with exclusive_access(folder):
            return _repair(folder, work)
    except OSError as error:
        raise WorkbenchError(
            f"the store can't be repaired: {error.strerror or error}",
            where=error.filename or str(folder),
            fix="check that the folder can be written and the disk has space for three copies of "
            "the store; the damaged store is unchanged",
            exit_code=ExitCode.STORAGE,
        ) from error


def _repair(folder: Path, work: Path) -> Repair:
    unfinished = [new for new in sorted(work.glob("new-*")) if (new / NAME).exists()]
    copy, new = work / "copy", work / f"new-{uuid.uuid4().hex}"
    try:
        for directory in (work, new):
            directory.mkdir(mode=0o700, exist_ok=True)
        findings = find_damage(folder, copy)
        findings += ["an earlier repair was interrupted"] if unfinished else []
        if not findings:
            shutil.rmtree(work)
            return Repair()
        _copy_store(folder, copy)
        with Database(new) as database:
            files = [copy / NAME, *(folder / NAME for folder in unfinished)]
            recovered = recover(files, database)
        _require_rows(recovered, folder)
        with Store(new) as store:
            store.check()
        damaged_folder = _keep_damaged(folder, recovered.lost)
        _move_into_place(new / NAME, folder)
        shutil.rmtree(work)
        return Repair(tuple(findings), recovered, damaged_folder)
    except BaseException:
        for directory in (copy, new):
            shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):
            work.rmdir()  # unless it holds an unfinished repair
        raise


def find_damage(folder: Path, copy: Path) -> list[str]:
    """Return the damage. A copy is examined, because SQLite changes the files that it opens.

    Raises:
        WorkbenchError: the store has another format.
    """
    _copy_store(folder, copy)
    with suppress(sqlite3.Error), closing(sqlite3.connect(copy / NAME)) as connection:
        number = format_of(connection)
        if number and not OLDEST <= number <= VERSION and number <= LARGEST_FORMAT:
            raise format_error(folder / NAME, number)
    findings = [] if (folder / NAME).exists() else ["the file is gone"]
    try:
        with Store(copy) as store:
            store.check()
    except WorkbenchError as error:
        findings.append(error.message)
    return findings


def _copy_store(folder: Path, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(mode=0o700)
    for part in (NAME, LOG, WATERMARK):
        with suppress(FileNotFoundError):
            shutil.copyfile(folder / part, copy / part)


def _require_rows(recovered: Recovered, folder: Path) -> None:
    """Refuse to replace a store by an empty one."""
    counts = (recovered.answers, recovered.scores, recovered.calls, recovered.ratings)
    if not any(counts):
        shell = "" if recovered.used_shell else "install a `sqlite3` that has `.recover`, or "
        raise WorkbenchError(
            "the store can't be repaired: no row of it is readable",
            where=str(folder / NAME),
            fix=f"{shell}move the file away: a new store is created",
            exit_code=ExitCode.STORAGE,
        )


def _keep_damaged(folder: Path, lost: Sequence[str]) -> Path:
    """Link the damaged files into a new folder, so that they exist at every moment."""
    damaged_folder = folder / f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    damaged_folder.mkdir(mode=0o700)
    for part in PARTS:
        if (folder / part).exists():
            try:
                (damaged_folder / part).hardlink_to(folder / part)
            except OSError:  # a file system without links
                shutil.copy2(folder / part, damaged_folder / part)
    lost_file = damaged_folder / "lost.txt"
    lost_file.touch(0o600)
    lost_file.write_text("".join(f"{key}\n" for key in lost))
    sync(damaged_folder)
    sync(folder)
    return damaged_folder


def _move_into_place(new: Path, folder: Path) -> None:
    """Replace the file. Its old log is deleted first: SQLite would apply it to the new file."""
    sync(new)
    for part in PARTS[1:]:
        (folder / part).unlink(missing_ok=True)
    new.chmod(0o600)
    new.replace(folder / NAME)
    sync(folder)
