"""What the store has said to be durable, noted beside it: a log that was cut is missed.

SQLite drops the end of its log from the first damaged frame on, which is right after a loss of
power, where nobody was told that it was durable. If somebody was, answers are missing.

.workbench/acknowledged      5f2c… 00000000000000000042 9d1e0b7c     (store, commits, checksum)
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from zlib import crc32

NAME = "acknowledged"


class Watermark:
    """The note of one store; written after a commit, so it never says too much."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file: int | None = None
        self._noted = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        """Frees the file."""
        if self._file is not None:
            os.close(self._file)

    def forget(self) -> None:
        """For a store that is made anew."""
        self._path.unlink(missing_ok=True)
        self._noted = 0

    @property
    def store(self) -> str:
        """The store that something was noted of; empty: none."""
        return self._read()[0]

    def commits(self, store: str) -> int:
        """How many commits of `store` were said to be durable; 0 where that isn't known."""
        said, number = self._read()
        return number if said == store else 0

    def _read(self) -> tuple[str, int]:
        with suppress(OSError, ValueError):
            store, number, total = self._path.read_text("ascii").split()
            if total == _sum(store, number):
                return store, int(number)
        return "", 0

    def note(self, store: str, commits: int) -> None:
        """Notes it; where that can't be, or a later one was sooner, an earlier note stays true."""
        with self._lock, suppress(OSError):
            if commits <= self._noted:
                return
            number = f"{commits:020d}"
            if self._file is None:
                self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            os.pwrite(self._file, f"{store} {number} {_sum(store, number)}\n".encode(), 0)
            self._noted = commits


def _sum(store: str, number: str) -> str:
    return f"{crc32(f'{store} {number}'.encode()):08x}"
