"""A queue of messages that wait for MLflow, in memory up to a limit and then in a file.

The file has no name, so a kill leaves nothing behind:

    <8 bytes: length of the message><message><8 bytes: length of the message><message>…
"""

import tempfile
import threading
from collections import deque

MAX_IN_MEMORY = 32 << 20  # bytes
LENGTH_SIZE = 8  # bytes


class Backlog:
    """A first-in-first-out queue for one writing and one reading thread."""

    def __init__(self, max_in_memory: int = MAX_IN_MEMORY) -> None:
        self._max_in_memory = max_in_memory
        self._messages: deque[bytes] = deque()
        self._size = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  open as long as this object
        self._read_at, self._write_at = 0, 0
        self._changed = threading.Condition()

    def put(self, message: bytes) -> None:
        """Add a message, without waiting."""
        with self._changed:
            in_file = self._read_at < self._write_at  # then this one comes after those
            if in_file or self._size + len(message) > self._max_in_memory:
                self._file.seek(self._write_at)
                self._file.write(len(message).to_bytes(LENGTH_SIZE, "big") + message)
                self._write_at = self._file.tell()
            else:
                self._messages.append(message)
                self._size += len(message)
            self._changed.notify()

    def get(self) -> bytes:
        """Remove and return the oldest message; wait until there is one."""
        with self._changed:
            self._changed.wait_for(lambda: not self.empty())
            if not self._messages:
                self._read_file()
            message = self._messages.popleft()
            self._size -= len(message)
            return message

    def empty(self) -> bool:
        """True if no message waits."""
        return not self._messages and self._read_at == self._write_at

    def _read_file(self) -> None:
        """Move messages from the file to memory; truncate a file that has been read."""
        self._file.seek(self._read_at)
        limit = self._max_in_memory // 2
        while self._read_at < self._write_at and (not self._messages or self._size < limit):
            length = int.from_bytes(self._file.read(LENGTH_SIZE), "big")
            self._messages.append(self._file.read(length))
            self._size += length
            self._read_at = self._file.tell()
        if self._read_at == self._write_at:
            self._file.truncate(0)
            self._read_at = self._write_at = 0
