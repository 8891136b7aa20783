"""The number of synced commits, in a file beside the store: a log that was cut is detected.

    .workbench/acknowledged      5f2c… 00000000000000000042 9d1e0b7c     store, commits, checksum

SQLite drops the end of its log from the first damaged frame on, without an error. After a loss of
power that is right: the dropped commits were never reported as stored. If they were, the watermark
is higher than the file's own number of commits.
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from zlib import crc32

NAME = "acknowledged"


class Watermark:
    """The watermark of one store. It is written after a commit, so it is never too high."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file: int | None = None
        self._written = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)

    def delete(self) -> None:
        """Delete the file; for a new store."""
        self._path.unlink(missing_ok=True)
        self._written = 0

    def read(self) -> tuple[str, int]:
        """Return the store's id and its number of synced commits; "" and 0 if it is unreadable."""
        with suppress(OSError, ValueError):
            store, number, digits = self._path.read_text("ascii").split()
            if digits == _checksum(store, number):
                return store, int(number)
        return "", 0

    def advance(self, store: str, commits: int) -> None:
        """Write a higher number. A failed write is harmless: the lower number stays true."""
        with self._lock, suppress(OSError):
            if commits <= self._written:
                return
            number = f"{commits:020d}"
            if self._file is None:
                self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            os.pwrite(self._file, f"{store} {number} {_checksum(store, number)}\n".encode(), 0)
            self._written = commits


def _checksum(store: str, number: str) -> str:
    return f"{crc32(f'{store} {number}'.encode()):08x}"
