r"""A child process that answers in JSON lines, started when needed and ended when it is late.

The child writes an empty line when it is ready, then one JSON value per line.

>>> code = "print(flush=True)\nfor line in open(0): print(line, flush=True)"
>>> with WorkerProcess([sys.executable, "-c", code], env={}) as worker:
...     worker.send('{"name": "Ada"}')
...     worker.receive(10.0)
{'name': 'Ada'}
"""

import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from workbench.canonical import JSON, plain_json
from workbench.errors import StopCheck, Stopped, not_stopped

CHUNK = 1 << 20  # bytes read at once
MAX_LINE = 64 << 20  # bytes of one answer
# Seconds between two stop checks, and between two checks that the child is alive: a process that
# it started may hold its pipe open.
POLL_INTERVAL = 0.25
EXIT_GRACE = 1.0  # seconds a child may take to exit after closing its pipe
PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class EndedError(Exception):
    """The child has ended; the message says how: `exit code 0`, `SIGSEGV`."""


class LateError(EndedError):
    """The child was ended because it was late."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"took longer than {seconds:g} s")


class NoJSONError(EndedError):
    """The child was ended because it wrote a line that is not JSON."""


class WorkerProcess:
    """A child process for the length of a `with`; after it ended, the next `send` starts another.

    Processes that it starts are in its process group and end with it.

    Args:
        command: the program and its arguments.
        start_s: seconds until it must be ready.
        options: `env`, `cwd`, `stderr` as for `subprocess.Popen`; no `stderr`: it is discarded.
    """

    def __init__(
        self, command: Sequence[str], *, start_s: float = math.inf, **options: Any
    ) -> None:
        self._command = list(command)
        self._options = {"stderr": subprocess.DEVNULL, **options}
        self._start_s = start_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()

    @property
    def is_running(self) -> bool:
        """True from `start` until its end was noticed."""
        return self._process is not None

    @property
    def has_answer(self) -> bool:
        """True if a line has come that was not received yet."""
        return self._process is not None and bool(self._lines)

    def start(self) -> None:
        """Return once a child is ready.

        Raises:
            EndedError: it ended instead, or was late.
        """
        if self._process:
            return
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            **self._options,
        )
        self._lines: deque[bytes] = deque()
        self._line_parts: list[bytes] = []
        self._line_size = 0
        self._unsent = memoryview(b"")
        self._selector = selectors.DefaultSelector()
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._selector.register(self._out, selectors.EVENT_READ)
        try:
            next(self._receive_lines(self._start_s, not_stopped))
        except BaseException:
            self.end()
            raise

    def send(self, request: str) -> None:
        """Queue a request, JSON in one line; starts the child if needed.

        What the pipe doesn't take at once is written during `receive`, so neither side blocks the
        other.
        """
        self.start()
        self._unsent = memoryview(bytes(self._unsent) + request.encode() + b"\n")
        if self._in not in self._selector.get_map():
            self._selector.register(self._in, selectors.EVENT_WRITE)
        self._write()

    def receive(self, seconds: float = math.inf, stopped: StopCheck = not_stopped) -> JSON:
        """Return the next answer. Without one the child, which still owes it, is ended.

        Raises:
            EndedError: the child ended, was late, or wrote something else than JSON.
            Stopped: `stopped` returned True.
        """
        try:
            for line in self._receive_lines(seconds, stopped):
                try:
                    message = json.loads(line.decode())
                except ValueError:
                    raise NoJSONError("wrote a line that is not JSON") from None
                if not self._handle_notice(message):
                    return message
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Kill the child and what it started; may be called again."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # the whole group has ended
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        self._process = None

    def kill(self) -> None:
        """Kill the child, from any thread; the thread that waits for its answer notices."""
        if process := self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def _handle_notice(self, message: JSON) -> bool:  # noqa: ARG002  for subclasses
        """Handle a message that answers no request; False: it is an answer."""
        return False

    def _receive_lines(self, seconds: float, stopped: StopCheck) -> Iterator[bytes]:
        if self._lines:  # without a look at the clock, as answers mostly come in batches
            yield self._lines.popleft()
        deadline = time.monotonic() + seconds
        while True:
            remaining_s = max(0.0, deadline - time.monotonic())
            if not self._lines:
                self._poll(min(POLL_INTERVAL, remaining_s))
            if self._lines:
                yield self._lines.popleft()
            if not remaining_s:
                raise LateError(seconds)
            if stopped() and not self._has_come():
                raise Stopped

    def _has_come(self) -> bool:
        """True if an answer waits, so that a stop loses none that was given before it."""
        with suppress(EndedError):
            self._poll(0)
        return bool(self._lines)

    def _poll(self, seconds: float) -> None:
        """Write and read what the pipes take and hold; wait for them at most that time."""
        assert self._process
        events = self._selector.select(seconds)
        for key, _ in events:
            if key.fd == self._in:
                self._write()
            elif not self._read():
                raise self._ended_error()
        if not events and self._process.poll() is not None and not self._read_last_lines():
            raise self._ended_error()

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
            raise EndedError(f"answered more than {MAX_LINE >> 20} MB")
        return bool(chunk)

    def _read_last_lines(self) -> bool:
        """Read what a dead child left in the pipe; False if that is no complete line."""
        return bool(self._selector.select(0)) and self._read() and bool(self._lines)

    def _ended_error(self) -> EndedError:
        assert self._process
        deadline = time.monotonic() + EXIT_GRACE
        while (code := self._process.poll()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if code is None:
            return EndedError("closed its pipe")
        if code >= 0:
            return EndedError(f"exit code {code}")
        try:
            return EndedError(signal.Signals(-code).name)
        except ValueError:  # a real-time signal
            return EndedError(f"signal {-code}")


def import_path() -> dict[str, str]:
    """PYTHONPATH with which a child imports this copy of the package; empty if it isn't needed."""
    paths = [] if PACKAGE_PARENT.name.endswith("-packages") else [str(PACKAGE_PARENT)]
    paths += [path for path in [os.environ.get("PYTHONPATH", "")] if path]
    return {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}


def child_command(module: str, *arguments: object) -> list[str]:
    """Command that runs a module of this package; its first argument is this process's number."""
    return [sys.executable, "-P", "-m", module, str(os.getpid()), *map(str, arguments)]


def json_batches(rows: Iterable[JSON], *, most_rows: int, size: int) -> Iterator[list[str]]:
    """The rows as JSON, in batches of at most `most_rows` rows and about `size` characters."""
    batch: list[str] = []
    batch_size = 0
    for row in rows:
        text = plain_json(row)
        if batch and (len(batch) == most_rows or batch_size + len(text) > size):
            yield batch
            batch, batch_size = [], 0
        batch.append(text)
        batch_size += len(text)
    if batch:
        yield batch
