"""Room on the disk, looked after before anything is paid for.

take_room(folder, 2_000_000)     # there are 2 MB for answers, and 4 more set aside
give_room(folder)                # the disk is full: those 4 are for what is arriving
"""

import shutil
from contextlib import suppress
from pathlib import Path

from workbench.errors import WorkbenchError

NAME = "reserve"  # a file of nothing
RESERVED = 4 * 1024 * 1024  # bytes


def free_room(folder: Path) -> int | None:
    """Bytes that are free; None: not known."""
    with suppress(OSError):
        return shutil.disk_usage(folder).free
    return None


def take_room(folder: Path, expected: int) -> None:
    """Sets room aside for answers that arrive when the disk is full.

    Args:
        folder: of the store.
        expected: bytes that the answers to come will need, about.

    Raises:
        WorkbenchError: there is less room than that (exit code 2: nothing is sent yet).
    """
    file = folder / NAME
    free = free_room(folder) or 0
    try:
        if not file.exists() or file.stat().st_size < RESERVED:
            with file.open("wb") as made:
                file.chmod(0o600)
                made.write(b"\0" * RESERVED)
            free -= RESERVED
        fits = free >= expected
    except OSError:
        file.unlink(missing_ok=True)
        fits = False
    if not fits:
        raise WorkbenchError(
            f"the answers need about {(expected + RESERVED) / 1e6:,.1f} MB, "
            f"and {max(free, 0) / 1e6:,.1f} MB are free",
            where=str(folder),
            fix="free some space, or `--limit` the rows",
        )


def give_room(folder: Path) -> bool:
    """Whether there was room set aside and it is free now."""
    try:
        (folder / NAME).unlink()
    except OSError:
        return False
    return True
