"""File locks that the operating system releases when their process ends, however it ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from workbench.errors import FORBIDDEN, ExitCode, WorkbenchError


class LockHeld(Exception):  # noqa: N818  a state of the lock, not an error by itself
    """Another process holds the lock."""


@contextmanager
def hold_lock(path: Path, *, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold the lock of a file. The file is created if it is missing, and not deleted.

    Raises:
        LockHeld: another process holds it.
        WorkbenchError: it can't be written, or the file system (of a network) has no locks.
    """
    lock = FileLock(path, timeout=timeout_s, mode=0o600)
    try:
        lock.acquire()
        if isinstance(lock, SoftFileLock):  # filelock's fallback outlives its process
            lock.release()
            raise NotImplementedError("the file system has no flock")
    except Timeout as error:
        raise LockHeld from error
    except (OSError, NotImplementedError) as error:
        if getattr(error, "errno", 0) in FORBIDDEN:
            fix = "make the folder writable for this user, or work on a copy of the project"
            raise WorkbenchError(f"can't be written: {error}", where=str(path), fix=fix) from error
        raise WorkbenchError(
            f"files can't be locked here: {error}",
            where=str(path),
            fix="keep the project on a local disk: here two runs could pay for the same completion",
            exit_code=ExitCode.USER,
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """True if a process holds the lock; the file of a process that has ended is deleted."""
    if not path.exists():
        return False
    try:
        if not os.access(path, os.W_OK):  # a lock needs no more than a file that can be read
            with path.open("rb") as file:
                flock(file, LOCK_EX | LOCK_NB)
            return False
        with hold_lock(path):
            path.unlink(missing_ok=True)
            return False
    except (LockHeld, BlockingIOError):
        return True
