"""Locks that the system frees when their process ends, however it ends.

with hold(path):      # raises Held where another process has it
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from workbench.errors import ExitCode, WorkbenchError


class Held(Exception):  # noqa: N818  what it is, and no error by itself
    """Another process holds the lock."""


@contextmanager
def hold(path: Path, *, patience: float = 0.0) -> Iterator[None]:
    """Holds the lock of a file, which is made if it is missing and stays.

    Args:
        path: of the file.
        patience: seconds to wait for another process.

    Raises:
        Held: another process holds it.
        WorkbenchError: files can't be locked here, as on some network file systems.
    """
    lock = FileLock(path, timeout=patience, mode=0o600)
    try:
        lock.acquire()
    except Timeout as error:
        raise Held from error
    except (OSError, NotImplementedError) as error:
        raise _unlockable(path, error) from error
    if isinstance(lock, SoftFileLock):  # what it becomes without flock; it outlives its process
        lock.release()
        raise _unlockable(path, "the file system has no flock")
    try:
        yield
    finally:
        lock.release()


def _unlockable(path: Path, error: object) -> WorkbenchError:
    return WorkbenchError(
        f"files can't be locked here: {error}",
        where=str(path),
        fix="keep the project on a local disk: here two runs could pay for the same answer",
        exit_code=ExitCode.USER,
    )
