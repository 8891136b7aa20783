"""What the recording process does: takes rows and orders off a pipe, and records them.

Run as `python -m workbench.tracking.worker PARENT PIPE` with our pid and a pipe

    ("begin", project, redactor, tracking_uri, order)    ("add", 0, entries)    STOP
    ("finish", …)                    ->  ("want", 0) for each variant that lacks rows, which come as
                                         ("add", 0, entries) … ("all", 0);    ("done", Recorded(…))
                                         ("pages", None), which come as ("pages", {name: text})
"""

import math
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, TextIO, cast

from workbench.errors import Stopped
from workbench.secrets import RedactedStream
from workbench.tracking.backlog import Backlog
from workbench.tracking.protocol import STOP, Results, RowRecord
from workbench.workers.child import die_with

Message = tuple[Any, ...]
BEHIND = 10  # how far it stands behind the process that pays, where both want a core


class RecordingWorker:
    """One recording, from its beginning to its end."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._heard = Backlog()
        self._stopping = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def work(self) -> None:
        """Until all is recorded, or it is told to stop."""
        _, project, redactor, tracking_uri, order = self._next()
        sys.stderr = cast("TextIO", RedactedStream(sys.stderr, redactor))
        from workbench.tracking.evaluate import prepare
        from workbench.tracking.recorder import DirectRecorder

        stopping = self._stopping.is_set
        recorder = DirectRecorder(project, redactor, tracking_uri, stopping)
        recorder.begin(order)
        if self._heard.empty():  # rows take their time: MLflow's evaluate will be needed
            prepare()
        while not stopping():
            kind, *said = self._next()
            if kind == "add":
                recorder.add(*said)
            elif kind == "finish":
                results = Results(said[0], said[1], said[2], self._wanted, self._pages)
                with suppress(Stopped):
                    self._line.send(("done", recorder.finish(results, stopping)))
                    return
        recorder.stop(math.inf)  # whoever is impatient kills this process

    def _wanted(self, variant: int) -> Iterator[Sequence[RowRecord]]:
        """All rows of a variant, asked for."""
        self._line.send(("want", variant))
        while True:
            kind, *said = self._next()
            if kind == "stop":
                raise Stopped
            if kind == "all":
                return
            yield said[1]

    def _pages(self) -> Mapping[str, str]:
        """The comparison's files, asked for."""
        self._line.send(("pages", None))
        kind, *said = self._next()
        if kind == "stop":
            raise Stopped
        pages: Mapping[str, str] = said[0]
        return pages

    def _next(self) -> Message:
        """What is said next. Read in this thread: to read it may take an import, as MLflow does."""
        heard = self._heard.get()
        said: Message = pickle.loads(heard) if heard else ("stop",)  # noqa: S301  of our process
        return said

    def _listen(self) -> None:
        """Takes in what is said at once, so that our process never waits for MLflow."""
        while not self._stopping.is_set():
            try:
                heard = self._line.recv_bytes()
            except (EOFError, OSError):  # nobody is left to record for
                heard = STOP
            if heard == STOP:
                self._stopping.set()
            self._heard.put(heard)


def main() -> None:
    """Records one invocation."""
    die_with(int(sys.argv[1]))
    os.nice(BEHIND)
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    RecordingWorker(Connection(int(sys.argv[2]))).work()
    sys.stderr.flush()
    os._exit(0)  # MLflow's threads have nothing more to say


if __name__ == "__main__":
    main()
