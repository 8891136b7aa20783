"""A queue of messages that wait for MLflow, in memory up to a limit and then in a file.

The file has no name, so a kill leaves nothing behind:

    <8 bytes: length of the message><message><8 bytes: length of the message><message>…
"""

import threading
from tempfile import SpooledTemporaryFile

MAX_IN_MEMORY = 32 << 20  # bytes
LENGTH_SIZE = 8  # bytes


class Backlog:
    """A first-in-first-out queue for one writing and one reading thread."""

    def __init__(self, max_in_memory: int = MAX_IN_MEMORY) -> None:
        self._file = SpooledTemporaryFile(max_in_memory)  # noqa: SIM115  open as long as this object
        self._read_at, self._write_at = 0, 0
        self._changed = threading.Condition()

    def put(self, message: bytes) -> None:
        """Add a message, without waiting."""
        with self._changed:
            self._file.seek(self._write_at)
            self._file.write(len(message).to_bytes(LENGTH_SIZE, "big") + message)
            self._write_at = self._file.tell()
            self._changed.notify()

    def get(self) -> bytes:
        """Remove and return the oldest message; wait until there is one."""
        with self._changed:
            self._changed.wait_for(lambda: not self.empty())
            self._file.seek(self._read_at)
            message = self._file.read(int.from_bytes(self._file.read(LENGTH_SIZE), "big"))
            self._read_at = self._file.tell()
            if self.empty():
                self._file.truncate(0)
                self._read_at = self._write_at = 0
            return message

    def empty(self) -> bool:
        """True if no message waits."""
        return self._read_at == self._write_at
