"""The main loop of the recording process: reads messages from a pipe, and records them.

Run as `python -m workbench.tracking.worker PARENT_PID PIPE_FD`. It receives

    ("begin", project, redactor, tracking_uri, job)    ("add", 0, records)    STOP
    ("finish", variants, digests, not_run)

and sends ("want", 0) for each variant that lacks rows, answered by ("add", 0, records) …
("all", 0); ("pages", None), answered by ("pages", {name: text}); at last ("done", Recorded(…)).
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
from workbench.workers.parent_pipe import die_with

Message = tuple[Any, ...]
NICE = 10  # the main process goes first where both need a core


class RecordingWorker:
    """One recording, from start to end."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._backlog = Backlog()
        self._stopping = threading.Event()
        threading.Thread(target=self._read_pipe, daemon=True).start()

    def work(self) -> None:
        """Record until everything is recorded, or STOP arrives."""
        _, project, redactor, tracking_uri, job = self._next_message()
        sys.stderr = cast("TextIO", RedactedStream(sys.stderr, redactor))
        from workbench.tracking.evaluate import import_evaluate
        from workbench.tracking.recorder import DirectRecorder

        stopped = self._stopping.is_set
        recorder = DirectRecorder(project, redactor, tracking_uri, stopped)
        recorder.begin(job)
        if self._backlog.empty():  # use the wait for the first rows
            import_evaluate()
        with suppress(Stopped):
            while not stopped():
                kind, *values = self._next_message()
                if kind == "add":
                    recorder.add(*values)
                else:
                    variants, digests, not_run = values
                    results = Results(
                        variants, digests, not_run, self._request_rows, self._request_pages
                    )
                    self._pipe.send(("done", recorder.finish(results, stopped)))
                    return
        recorder.stop(math.inf)  # the main process kills this one if it takes too long

    def _request_rows(self, variant: int) -> Iterator[Sequence[RowRecord]]:
        self._pipe.send(("want", variant))
        while (message := self._next_message())[0] == "add":
            yield message[2]

    def _request_pages(self) -> Mapping[str, str]:
        self._pipe.send(("pages", None))
        _, pages = self._next_message()
        return cast("Mapping[str, str]", pages)

    def _next_message(self) -> Message:
        """The next message, unpickled in this thread because that may import MLflow."""
        received = self._backlog.get()
        if received == STOP:
            raise Stopped
        return cast("Message", pickle.loads(received))  # noqa: S301  ours

    def _read_pipe(self) -> None:
        """Read messages at once, so that the main process never waits for MLflow."""
        while not self._stopping.is_set():
            try:
                received = self._pipe.recv_bytes()
            except (EOFError, OSError):  # the main process has ended
                received = STOP
            if received == STOP:
                self._stopping.set()
            self._backlog.put(received)


def main() -> None:
    """Record one invocation."""
    die_with(int(sys.argv[1]))
    os.nice(NICE)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    RecordingWorker(Connection(int(sys.argv[2]))).work()
    sys.stderr.flush()
    os._exit(0)  # without waiting for MLflow's threads


if __name__ == "__main__":
    main()
