"""Disk space for the completions of a run, checked before its first call.

.workbench/reserve       4 MB of zeros, deleted when the disk is full: room for calls in flight
"""

import shutil
from contextlib import suppress
from pathlib import Path

from workbench.errors import WorkbenchError

NAME = "reserve"
RESERVE = 4 * 1024 * 1024  # bytes


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes of the disk; None if they are not known."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def reserve_space(folder: Path, expected: int) -> None:
    """Write the reserve, and check that `expected` bytes are free beside it.

    Raises:
        WorkbenchError: the disk has too little space (exit code 2: nothing is sent yet).
    """
    file = folder / NAME
    free = free_bytes(folder) or 0
    try:
        if not file.exists() or file.stat().st_size < RESERVE:
            with file.open("wb") as reserve:
                file.chmod(0o600)
                reserve.write(b"\0" * RESERVE)
            free -= RESERVE
        fits = free >= expected
    except OSError:
        file.unlink(missing_ok=True)
        fits = False
    if not fits:
        raise WorkbenchError(
            f"the completions need about {(expected + RESERVE) / 1e6:,.1f} MB, "
            f"and {max(free, 0) / 1e6:,.1f} MB are free",
            where=str(folder),
            fix="free some space, or `--limit` the rows",
        )


def release_reserve(folder: Path) -> bool:
    """Delete the reserve; return False if there was none."""
    try:
        (folder / NAME).unlink()
    except OSError:
        return False
    return True
