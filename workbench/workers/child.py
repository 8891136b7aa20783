"""The pipes to one child process that answers in JSON lines.

The child writes an empty line when it is ready, then one JSON value per line:

    {"text": "Hi Ada"}
    {"error": "'nam' is undefined", "line": 1}

Processes that it starts are in its process group and end with it.
"""

import json
import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from workbench.canonical import JSON

CHUNK = 1 << 20  # bytes read at once
MAX_LINE = 64 << 20  # bytes of one answer
# Seconds between two checks that it is alive: a process that it started may hold its pipe open.
POLL_INTERVAL = 0.25
EXIT_GRACE = 1.0  # seconds a child may take to exit after closing its pipe


class EndedError(Exception):
    """The child has ended; the message says how: `exit code 0`, `SIGSEGV`."""


class Child:
    """A process of its own session, running until `end`.

    Args:
        command: the program and its arguments.
        env: its whole environment.
        folder: its current directory; None: the parent's.
        stderr: a file descriptor or a constant of subprocess; None: the parent's.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        folder: Path | None = None,
        stderr: int | None = subprocess.DEVNULL,
    ) -> None:
        self._lines: deque[bytes] = deque()
        self._line_parts: list[bytes] = []
        self._line_size = 0
        self._unsent = memoryview(b"")
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=dict(env),
            cwd=folder,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        """Number of the process and of its group."""
        return self._process.pid

    def ready(self, seconds: float) -> bool:
        """True if it is ready within that time; to be called first, and once.

        Raises:
            EndedError: it ended instead.
        """
        return self._next_line(seconds) is not None

    def send(self, request: str) -> None:
        """Queue a line; it is written during `receive`, so neither side blocks the other.

        Args:
            request: JSON without a line break.
        """
        self._unsent = memoryview(bytes(self._unsent) + request.encode() + b"\n")
        if self._in not in self._selector.get_map():
            self._selector.register(self._in, selectors.EVENT_WRITE)

    def receive(self, seconds: float) -> JSON | None:
        """Return the next answer, never null; None: none came within that time.

        Raises:
            EndedError: the child ended, or wrote something else than JSON and was ended.
        """
        line = self._next_line(seconds)
        if line is None:
            return None
        try:
            return json.loads(line)
        except ValueError:
            self.end()
            raise EndedError("wrote a line that is not JSON") from None

    def end(self) -> None:
        """Kill it and its process group; may be called again."""
        if self._process.returncode is not None and self._selector.get_map() is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # the whole group has ended
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()

    def _next_line(self, seconds: float) -> bytes | None:
        deadline = time.monotonic() + seconds
        while not self._lines:
            timeout = min(POLL_INTERVAL, deadline - time.monotonic())
            events = self._selector.select(max(0.0, timeout))
            for key, _ in events:
                if key.fd == self._in:
                    self._write()
                elif not self._read():
                    raise self._ended_error()
            # The last lines of a dead child may still be in the pipe.
            if not events and self._process.poll() is not None and not self._has_last_line():
                raise self._ended_error()
            if not self._lines and time.monotonic() >= deadline:
                return None
        return self._lines.popleft()

    def _write(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._in, self._unsent[:CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it ended or closed its pipe; its last lines are still read
            self._unsent = memoryview(b"")
        if not self._unsent:
            self._selector.unregister(self._in)

    def _read(self) -> bool:
        """Read what is in the pipe; False at its end."""
        chunk = os.read(self._out, CHUNK)
        first, *following = chunk.split(b"\n")
        self._line_parts.append(first)
        self._line_size += len(first)
        for part in following:
            self._lines.append(b"".join(self._line_parts))
            self._line_parts, self._line_size = [part], len(part)
        if self._line_size > MAX_LINE:
            self.end()
            raise EndedError(f"answered more than {MAX_LINE >> 20} MB")
        return bool(chunk)

    def _has_last_line(self) -> bool:
        return bool(self._selector.select(0)) and self._read() and bool(self._lines)

    def _ended_error(self) -> EndedError:
        deadline = time.monotonic() + EXIT_GRACE
        while (code := self._process.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        self.end()
        if code is None:
            return EndedError("closed its pipe")
        if code >= 0:
            return EndedError(f"exit code {code}")
        try:
            return EndedError(signal.Signals(-code).name)
        except ValueError:  # a real-time signal
            return EndedError(f"signal {-code}")
