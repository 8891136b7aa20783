"""Messages that wait for MLflow, in their order; what is too much for memory waits in a file.

backlog.put(b"…")      never waits
backlog.get()          the oldest; waits for one

The file has no name, so no kill leaves it behind.
"""

import tempfile
import threading
from collections import deque

MOST = 32 << 20  # bytes in memory
LENGTH = 8  # bytes that say how long a message is


class Backlog:
    """For one thread that puts, and one that gets."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  as long as we are
        self._read, self._written = 0, 0
        self._news = threading.Condition()

    def put(self, message: bytes) -> None:
        """Adds the newest."""
        with self._news:
            filed = self._read < self._written  # then this one comes after those in the file
            if filed or self._size + len(message) > self._most:
                self._file.seek(self._written)
                self._file.write(len(message).to_bytes(LENGTH, "big") + message)
                self._written = self._file.tell()
            else:
                self._waiting.append(message)
                self._size += len(message)
            self._news.notify()

    def get(self) -> bytes:
        """Takes the oldest, once there is one."""
        with self._news:
            while self.empty():
                self._news.wait()
            if not self._waiting:
                self._fetch()
            message = self._waiting.popleft()
            self._size -= len(message)
            return message

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting and self._read == self._written

    def _fetch(self) -> None:
        """Some of what waits in the file; an empty one begins anew."""
        self._file.seek(self._read)
        while self._read < self._written and (not self._waiting or self._size < self._most // 2):
            length = int.from_bytes(self._file.read(LENGTH), "big")
            self._waiting.append(self._file.read(length))
            self._size += length
            self._read = self._file.tell()
        if self._read == self._written:
            self._file.truncate(0)
            self._read = self._written = 0
