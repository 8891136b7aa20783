r"""A child process that is started when needed, and ended when it is late.

>>> code = "print(flush=True)\nfor line in open(0): print(line, flush=True)"
>>> with WorkerProcess([sys.executable, "-c", code], env={}) as worker:
...     worker.send('{"name": "Ada"}')
...     worker.receive(10.0)
{'name': 'Ada'}
"""

import json
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from workbench.canonical import JSON
from workbench.errors import StopCheck, Stopped, not_stopped
from workbench.workers.child import Child, EndedError

STOP_INTERVAL = 0.25  # seconds between two stop checks
PACKAGE_PARENT = Path(__file__).resolve().parents[2]


class LateError(EndedError):
    """The child was ended because it was late."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"took longer than {seconds:g} s")


class WorkerProcess:
    """A child process for the length of a `with`; after it ended, the next `send` starts another.

    Args:
        command: the program and its arguments.
        start_s: seconds until it must be ready.
        options: `env`, `folder`, `stderr` as for `Child`.
    """

    def __init__(
        self, command: Sequence[str], *, start_s: float = math.inf, **options: Any
    ) -> None:
        self._new_child = partial(Child, command, **options)
        self._start_s = start_s
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.end()

    @property
    def is_running(self) -> bool:
        """True from `start` until its end was noticed."""
        return self._child is not None

    def start(self) -> None:
        """Return once a child is ready.

        Raises:
            EndedError: it ended instead, or was late.
        """
        if self._child:
            return
        self._child = self._new_child()
        try:
            if not self._child.ready(self._start_s):
                raise LateError(self._start_s)
        except BaseException:
            self.end()
            raise

    def send(self, request: str) -> None:
        """Queue a request, JSON in one line; starts the child if needed."""
        self.start()
        assert self._child
        self._child.send(request)

    def receive(self, seconds: float = math.inf, stopped: StopCheck = not_stopped) -> JSON:
        """Return the next answer. Without one the child, which still owes it, is ended.

        Raises:
            EndedError: the child ended, or was late.
            Stopped: `stopped` returned True.
        """
        assert self._child
        deadline = time.monotonic() + seconds
        try:
            while True:
                remaining_s = max(0.0, deadline - time.monotonic())
                message = self._child.receive(min(STOP_INTERVAL, remaining_s))
                if message is not None and not self._handle_notice(message):
                    return message
                if not remaining_s:
                    raise LateError(seconds)
                if stopped():
                    raise Stopped
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Kill the child and what it started; may be called again."""
        if self._child:
            self._child.end()
            self._child = None

    def _handle_notice(self, message: JSON) -> bool:  # noqa: ARG002  for subclasses
        """Handle a message that answers no request; False: it is an answer."""
        return False


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
        text = json.dumps(row)
        if batch and (len(batch) == most_rows or batch_size + len(text) > size):
            yield batch
            batch, batch_size = [], 0
        batch.append(text)
        batch_size += len(text)
    if batch:
        yield batch
