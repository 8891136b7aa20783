"""What stands at a path where a file should.

file_kind(Path("/dev/zero"))  ->  "a device"
"""

import stat
from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def file_kind(path: Path) -> str:
    """`a folder`, `a pipe`, …; empty for a regular file. Opens nothing, so nothing can hang.

    Raises:
        OSError: nothing is there, or it can't be looked at.
        ValueError: a path that can't be, one with NUL in it.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    return "" if kind == stat.S_IFREG else KINDS.get(kind, "no regular file")


def is_folder(path: Path) -> bool:
    """Whether a folder is there; False for what can't be a path, too."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
