"""A child process asked in JSON lines, killed with all it started when it is late.

with Child([sys.executable, "-P", "worker.py"], env={}) as child:
    child.ask('{"double": [1, 2]}')
    child.receive(2.0)              # 2
    child.receive(2.0)              # 4
    child.receive(2.0)              # None: nothing came for two seconds

The child writes an empty line when it is ready. What it starts is in its group and ends with it.
"""

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from workbench.canonical import JSON

CHUNK = 1 << 20  # bytes read at once
LARGEST = 64 << 20  # bytes of one answer
LOOK = 0.25  # seconds between two looks whether it is alive: who it started may hold its pipe open
PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>
LINGER = 1.0  # seconds a child may take to end once it has closed its pipe


class EndedError(Exception):
    """The child is no more; the message says how it ended: `exit code 0`, `SIGSEGV`."""


class Child:
    """A process of its own session, ended by `end`, or by leaving the `with`.

    Args:
        command: what is run.
        env: all of its environment.
        folder: its current directory; None: ours.
        stderr: a file descriptor or one of subprocess's words; by default nobody hears it.
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
        self._part: list[bytes] = []
        self._part_size = 0
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Of the process, and of its group."""
        return self._process.pid

    def ready(self, seconds: float) -> bool:
        """Whether it is ready within that time; asked once, before anything else.

        Raises:
            EndedError: it ended instead.
        """
        return self._line(seconds) is not None

    def ask(self, question: str) -> None:
        """Hands over a line; it is sent while answers are awaited, so neither side waits for good.

        Args:
            question: JSON without a line break.
        """
        self._unsent = memoryview(bytes(self._unsent) + question.encode() + b"\n")
        if self._in not in self._selector.get_map():
            self._selector.register(self._in, selectors.EVENT_WRITE)

    def receive(self, seconds: float) -> JSON | None:
        """The next answer, never null; None: none came within that time.

        Raises:
            EndedError: the child ended, or what it says is no JSON, and it was ended.
        """
        line = self._line(seconds)
        if line is None:
            return None
        try:
            return json.loads(line)
        except ValueError:
            self.end()
            raise EndedError("wrote what is no answer") from None

    def end(self) -> None:
        """Kills it and its group; may be called again."""
        if self._process.returncode is not None and self._selector.get_map() is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # its whole group has ended
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._selector.close()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()

    def _line(self, seconds: float) -> bytes | None:
        until = time.monotonic() + seconds
        while not self._lines:
            ready = self._selector.select(max(0.0, min(LOOK, until - time.monotonic())))
            for key, _ in ready:
                if key.fd == self._in:
                    self._send()
                elif not self._read():
                    raise self._ended()
            if not ready and not self._alive() and not self._read_rest():
                raise self._ended()
            if not self._lines and time.monotonic() >= until:
                return None
        return self._lines.popleft()

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._in, self._unsent[:CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # it has ended, or will not listen: what it still says is read
            self._unsent = memoryview(b"")
        if not self._unsent:
            self._selector.unregister(self._in)

    def _read(self) -> bool:
        """Takes in what there is; False where nothing will come any more."""
        chunk = os.read(self._out, CHUNK)
        first, *others = chunk.split(b"\n")
        self._part.append(first)
        self._part_size += len(first)
        for other in others:
            self._lines.append(b"".join(self._part))
            self._part, self._part_size = [other], len(other)
        if self._part_size > LARGEST:
            self.end()
            raise EndedError(f"answered more than {LARGEST >> 20} MB")
        return bool(chunk)

    def _read_rest(self) -> bool:
        """Takes in what a dead child left in the pipe; False where there is nothing."""
        return bool(self._selector.select(0)) and self._read() and bool(self._lines)

    def _alive(self) -> bool:
        return self._process.poll() is None

    def _ended(self) -> EndedError:
        until = time.monotonic() + LINGER
        while self._alive() and time.monotonic() < until:
            time.sleep(0.01)
        lingers = self._alive()
        self.end()
        return EndedError("closed its pipe" if lingers else _how(self._process.returncode))


def die_with(parent: int) -> None:
    """Has the system end this process when its parent, known by its number, ends.

    That is, on Linux, when the thread ends that started it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal
        return f"signal {-code}"
