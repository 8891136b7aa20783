"""Messages through two pipes: eight bytes with the size of a message, then the message.

MessagePipe(3, 6).send(b"…")      the other side's receive() returns it
"""

from __future__ import annotations

import os

MOST_BYTES = 64 << 20
SIZE_BYTES = 8
CHUNK = 1 << 20


class MessagePipe:
    """One end of a conversation."""

    def __init__(self, read_from: int, write_to: int) -> None:
        self._in, self._out = read_from, write_to

    def send(self, message: bytes) -> None:
        """Send a message; raises BrokenPipeError if the other side has ended."""
        left = memoryview(len(message).to_bytes(SIZE_BYTES, "little") + message)
        while left:
            left = left[os.write(self._out, left[:CHUNK]) :]

    def receive(self) -> bytes | None:
        """Wait for a message; None: the other side has ended, or sent too much."""
        size = self._read(SIZE_BYTES)
        count = int.from_bytes(size or b"", "little")
        return self._read(count) if size is not None and count <= MOST_BYTES else None

    def _read(self, count: int) -> bytes | None:
        parts, left = [], count
        while left:
            part = os.read(self._in, min(left, CHUNK))
            if not part:
                return None
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
