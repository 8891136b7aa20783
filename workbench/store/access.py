"""Access to the store by several processes, by locks that the operating system releases.

    .workbench/owners/5f2c….lock         held by a process that runs a plan, or writes a rating
    .workbench/owners/exclusive.lock     held by `store prune` and `store repair`

Each process locks its own file before it checks those of the others, so of two that start at once
one sees the other.
"""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import ExitCode, WorkbenchError
from workbench.store.database import NAME
from workbench.store.locks import LockHeld, hold_lock, is_locked

OWNER_COLUMNS = "id, pid, host, plan, begun_at"
EXCLUSIVE = "exclusive"  # owner id of a command that needs the store for itself
LOCK_TIMEOUT_S = 5.0  # longer than another process needs to check whether a lock is held


@dataclass(frozen=True)
class Owner:
    """A process that runs a plan."""

    id: str
    pid: int
    host: str
    plan: str
    begun_at: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.begun_at[:19]}Z"


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """Keep other processes from using a store, by locks alone: it may be damaged.

    Raises:
        WorkbenchError: a process uses it (exit code 7).
    """
    exclusive_lock = lock_path(folder, EXCLUSIVE)
    exclusive_lock.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with hold_lock(exclusive_lock):
            for lock in sorted(exclusive_lock.parent.glob("*.lock")):
                if lock != exclusive_lock and is_locked(lock):
                    raise in_use_error(_describe_owner(folder, lock.stem))
            yield
            exclusive_lock.unlink(missing_ok=True)
    except LockHeld:
        raise in_use_error() from None


@contextmanager
def shared_access(folder: Path) -> Iterator[None]:
    """Keep `exclusive_access` out while this process writes without a session.

    Raises:
        WorkbenchError: another process has exclusive access (exit code 7).
    """
    lock = lock_path(folder, uuid.uuid4().hex)
    lock.parent.mkdir(mode=0o700, exist_ok=True)
    with hold_lock(lock, timeout_s=LOCK_TIMEOUT_S):
        try:
            if is_locked(lock_path(folder, EXCLUSIVE)):
                raise in_use_error()
            yield
        finally:
            lock.unlink(missing_ok=True)


def _describe_owner(folder: Path, owner: str) -> str:
    """The process as the store names it, if that can still be read."""
    address = f"{(folder / NAME).resolve().as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as connection:
        query = f"SELECT {OWNER_COLUMNS} FROM owners WHERE id = ?"
        for row in connection.execute(query, (owner,)):
            return str(Owner(*row))
    return f"the process that holds owners/{owner}.lock"


def lock_path(folder: Path, owner: str) -> Path:
    """The lock file of an owner."""
    return folder / "owners" / f"{owner}.lock"


def in_use_error(user: str = "`workbench store prune` or `repair`") -> WorkbenchError:
    """The error of a command that can't use the store now (exit code 7)."""
    return WorkbenchError(
        f"the store is in use: {user}",
        fix="wait until it has ended, then run the same command again",
        exit_code=ExitCode.ALREADY_RUNNING,
    )
