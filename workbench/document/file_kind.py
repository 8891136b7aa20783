"""Kinds of files that are not regular files: folder, pipe, device, socket.

>>> file_kind(Path("/dev/zero"))
'a device'
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
    """`a folder`, `a pipe`, …; empty for a regular file. Never opens it, so never hangs.

    Raises:
        OSError: the path does not exist or can't be inspected.
        ValueError: the path is invalid: it contains NUL.
    """
    kind = stat.S_IFMT(path.stat().st_mode)
    return "" if kind == stat.S_IFREG else KINDS.get(kind, "not a regular file")


def is_folder(path: Path) -> bool:
    """True if `path` is a folder; False for an invalid path too."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
