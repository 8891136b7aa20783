r"""Programs in boxes, from their start to the end of their last process.

>>> run_with("namespaces", [Program({"main.py": b"print(6 * 7)"})], BoxLimits())[0].stdout
b'42\n'

A program that reaches a limit is ended with all its processes: they are in a process namespace,
which the kernel ends with its first process.
"""

import os
import re
import select
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from workbench.box.bubblewrap import bubblewrap, bubblewrap_command
from workbench.box.inside import FOLDER, unused_uid
from workbench.box.interpreter import interpreter
from workbench.box.limits import BoxLimits, BoxResult, EndedBy, Method
from workbench.box.plain_values import encode

CHUNK = 1 << 16  # bytes read at once
# Seconds a process may take to end, and a process without a box may hold its output open.
END_GRACE_S = 1.0
NEW_FILES = 0o022  # mode mask; under a stricter one a box's folders would be closed to its user


@dataclass(frozen=True)
class Program:
    """A program for a box.

    Attributes:
        files: names and contents, in its current folder.
        argv: a script among them, and its arguments.
        entry: `script`; or `answer`, `tests`: programs of this package.
        job: what these need.
        pipes: file descriptors that it inherits.
    """

    files: Mapping[str, bytes]
    argv: Sequence[str] = ("main.py",)
    stdin: bytes = b""
    entry: str = "script"
    job: Mapping[str, object] | None = None
    pipes: tuple[int, ...] = ()


class _Box:
    """A program that runs, and what it has printed."""

    def __init__(self, method: Method, program: Program, limits: BoxLimits, folder: str) -> None:
        self.method, self.limits = method, limits
        self.ended_by: EndedBy = ""
        self.output = {"stdout": bytearray(), "stderr": bytearray()}
        self._started = time.monotonic()
        self.deadline = self._started + limits.wall_s
        python = interpreter()
        self._status, status = os.pipe()  # bubblewrap writes the number of the first process
        if method == "bubblewrap":
            command = bubblewrap_command(bubblewrap() or "bwrap", python, status)
        else:
            module = "namespaces" if method == "namespaces" else "inside"
            command = python.command(module, inside=False)
        with tempfile.TemporaryFile() as job:
            job.write(encode(self._job(program, folder)))
            job.seek(0)
            self.process = subprocess.Popen(
                command,
                stdin=job,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={},
                cwd="/",
                pass_fds=(*program.pipes, status),
                start_new_session=method == "none",
                umask=NEW_FILES,
            )
        os.close(status)
        self.pid = self.process.pid

    def _job(self, program: Program, folder: str) -> dict[str, object]:
        """The program and its limits, for `inside` and `namespaces`."""
        python, changes_user = interpreter(), self.method == "bubblewrap" and os.geteuid() == 0
        return {
            "files": dict(program.files),
            "argv": list(program.argv),
            "stdin": program.stdin,
            "entry": program.entry,
            "limits": self.limits.as_json(),
            "folder": folder,
            "mounts": self.method == "bubblewrap",
            "uid": unused_uid() if changes_user else None,
            "descriptors": list(program.pipes),
            "confined": self.method != "none",
            "binds": [list(pair) for pair in python.binds],
            "covered": list(python.covered),
            **(program.job or {}),
        }

    def read(self, name: str, descriptor: int) -> bool:
        """Read what a stream holds; False at its end."""
        chunk = os.read(descriptor, CHUNK)
        left = self.limits.output_bytes - len(self.output[name])
        self.output[name] += chunk[:left]
        if len(chunk) > left:
            self.end("output")
        return bool(chunk)

    def end(self, reason: EndedBy) -> None:
        """Kill the program with all that it has started."""
        self.ended_by = self.ended_by or reason
        with suppress(ProcessLookupError):
            if self.method == "bubblewrap" and (first := self._first_process()):
                os.kill(first, signal.SIGKILL)
            elif self.method == "none":
                os.killpg(self.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def _first_process(self) -> int | None:
        """The first process in bubblewrap's box; None: there is none, or not any more.

        It ends with bubblewrap, but not yet in its first milliseconds.
        """
        if self.process.poll() is not None or not select.select([self._status], [], [], 0)[0]:
            return None
        number = re.search(rb'"child-pid": (\d+)', os.read(self._status, CHUNK))
        return int(number[1]) if number else None

    def result(self, *, was_stopped: bool) -> BoxResult:
        """Wait for the end of the box."""
        code = self.process.wait()
        os.close(self._status)
        duration_s = time.monotonic() - self._started
        number = -code if code < 0 else code - 128 if code > 128 else None
        if not self.ended_by and not was_stopped:
            is_killed = number == signal.SIGKILL and duration_s >= self.limits.cpu_s
            self.ended_by = "cpu" if number == signal.SIGXCPU or is_killed else ""
        if self.ended_by or was_stopped:
            number = None
        exit_status = None if self.ended_by or was_stopped or code < 0 or code > 128 else code
        stdout, stderr = map(bytes, self.output.values())
        return BoxResult(
            exit_status, number, stdout, stderr, self.ended_by, duration_s, self.method
        )


def run_with(method: Method, programs: Sequence[Program], limits: BoxLimits) -> list[BoxResult]:
    """Run programs side by side, each in a box, until the last of the list has ended.

    The others are ended then.
    """
    with ExitStack() as stack:
        boxes: list[_Box] = []
        try:
            for program in programs:
                folder = FOLDER
                if method == "none":
                    folder = stack.enter_context(tempfile.TemporaryDirectory())
                boxes.append(_Box(method, program, limits, folder))
                for descriptor in program.pipes:
                    os.close(descriptor)
            stopped = _supervise(boxes)
        except BaseException:
            for box in boxes:
                box.end("")
                box.result(was_stopped=True)
            for program in programs[len(boxes) :]:  # the first of them did not start
                for descriptor in program.pipes:
                    os.close(descriptor)
            raise
        return [box.result(was_stopped=box in stopped) for box in boxes]


def _supervise(boxes: Sequence[_Box]) -> list[_Box]:
    """Read all output, and end boxes at their limits; return those that had to be ended."""
    last = boxes[-1]
    with selectors.DefaultSelector() as selector:
        for box in boxes:
            for name in box.output:
                stream = getattr(box.process, name)
                selector.register(stream, selectors.EVENT_READ, (box, name))
        _read_until(selector, boxes[0].deadline, lambda: _open(selector, last))
        is_late = _open(selector, last)
        if not is_late:  # the others notice, or have ended and caused it
            _read_until(selector, time.monotonic() + END_GRACE_S, selector.get_map)
        stopped = [box for box in boxes if _open(selector, box)]
        for box in stopped:
            box.end("time" if is_late else "")
        _read_until(selector, time.monotonic() + END_GRACE_S, selector.get_map)
        for box in boxes:
            for name in box.output:
                getattr(box.process, name).close()
        return stopped


def _read_until(
    selector: selectors.BaseSelector, deadline: float, wanted: Callable[[], object]
) -> None:
    """Read output while it is wanted, until a time."""
    while wanted() and (left_s := deadline - time.monotonic()) > 0:
        for key, _ in selector.select(left_s):
            box, name = key.data
            if not box.read(name, key.fd):
                selector.unregister(key.fileobj)


def _open(selector: selectors.BaseSelector, box: _Box) -> bool:
    """True while a process of the box may still write."""
    return any(key.data[0] is box for key in selector.get_map().values())
