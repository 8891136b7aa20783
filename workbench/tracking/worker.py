"""The main loop of the recording process: reads messages from a pipe, and records them.

Run as `python -m workbench.tracking.worker PARENT_PID PIPE_FD LOCK_FD`. It receives

    ("begin", project, redactor, tracking_uri, job)    ("add", 0, records)    STOP
    ("finish", variants, digests, not_run)    or    ("results", results, finished) DETACH

and sends ("want", 0) for each variant that lacks rows, answered by ("add", 0, records) …
("all", 0); ("pages", links), answered by ("pages", {name: text}); ("overview", links, occasion),
answered by ("overview", Overview(…)); at last ("done", Recorded(…)).
After DETACH the main process may end. This one goes on alone: it reads the store itself, and ends
at SIGTERM, or after MAX_DETACHED_S. In all other cases it marks its runs as killed when the main
process has ended, and ends within MAX_STOP_S.
"""

import math
import os
import pickle
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, TextIO, cast

from workbench.errors import Stopped
from workbench.secrets import RedactedStream
from workbench.tracking.backlog import Backlog
from workbench.tracking.live_recordings import MAX_LOG, NamedRun, read_run, write_run
from workbench.tracking.protocol import DETACH, STOP, Recorded, ResultSet, RowRecord
from workbench.workers.garbage import paused_gc

Message = tuple[Any, ...]
NICE = 10  # the main process goes first where both need a core
MAX_DETACHED_S = 6 * 3600  # whatever MLflow does, the process ends
MAX_STOP_S = 10.0  # for marking its runs as killed


class Log(RedactedStream):
    """The log file: without secrets, and no longer than its limit."""

    space = MAX_LOG

    def write(self, text: str) -> int:
        """Write the text; nothing once the log is full."""
        self.space -= len(text)
        return super().write(text) if self.space > 0 else len(text)


class RecordingWorker:
    """One recording, from start to end."""

    def __init__(self, pipe: Connection, lock: int) -> None:
        self._pipe = pipe
        self._lock = lock
        self._backlog = Backlog()
        self._stopping = threading.Event()
        self._detached = False
        threading.Thread(target=self._read_pipe, daemon=True).start()

    def work(self) -> None:
        """Record until everything is recorded, or STOP arrives."""
        with paused_gc():
            _, project, redactor, tracking_uri, job = self._next_message()
            sys.stderr = cast("TextIO", Log(sys.stderr, redactor))
            from workbench.tracking.evaluate import import_evaluate
            from workbench.tracking.record_state import scored_count
            from workbench.tracking.recorder import DirectRecorder

            stopped = self._stopping.is_set
            if stopped():
                return
            recorder = DirectRecorder(project, redactor, tracking_uri, stopped)
            recorder.begin(job)  # imports much, too
        if runs := recorder.runs:
            run = NamedRun(runs.parent.info.run_id, runs.store.masked_uri, os.getpid())
            before = read_run(project, job.plan.digest)
            same = before and before.run_id == run.run_id
            write_run(self._lock, replace(run, rows=before.rows) if before and same else run)
        recorded_before = recorder.runs and all(map(scored_count, recorder.runs.children))
        if self._backlog.empty() and not recorded_before:  # use the wait for the first rows
            import_evaluate()
        with suppress(Stopped):
            while not stopped():
                kind, *values = self._next_message()
                if kind == "add":
                    recorder.add(*values)
                elif kind == "results":
                    results, finished = values
                    recorded = recorder.finish(results, stopped)
                    self._name_run(recorded, results)
                    finished(recorded)
                    return
                else:
                    pages, overview = (partial(self._request, k) for k in ("pages", "overview"))
                    variants, digests, not_run = values
                    rows = self._request_rows
                    results = ResultSet(variants, digests, not_run, rows, pages, overview)
                    recorded = recorder.finish(results, stopped)
                    self._name_run(recorded, results)
                    self._pipe.send(("done", recorded))
                    return
        recorder.stop(math.inf)  # ends this process if it takes too long

    def _name_run(self, recorded: Recorded, results: ResultSet) -> None:
        """Name the run that holds these rows for the next command."""
        if not recorded.problems:
            run_id, uri = recorded.parent_run_id, recorded.tracking_uri
            write_run(self._lock, NamedRun(run_id, uri, os.getpid(), results.rows_digest))

    def _request_rows(self, variant: int) -> Iterator[Sequence[RowRecord]]:
        self._pipe.send(("want", variant))
        while (message := self._next_message())[0] == "add":
            yield message[2]

    def _request(self, kind: str, *values: object) -> Any:
        self._pipe.send((kind, *values))
        return self._next_message()[1]

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
                if self._detached:
                    return
                received = STOP
            if received == DETACH:
                self._detach()
                continue
            if received == STOP:
                self._stopping.set()
                _exit_after(MAX_STOP_S)
            self._backlog.put(received)

    def _detach(self) -> None:
        self._detached = True
        _exit_after(MAX_DETACHED_S)

    def terminate(self, *_signal: object) -> None:
        """Stop at SIGTERM once detached; before that the main process decides."""
        if self._detached:
            self._stopping.set()


def _exit_after(seconds: float) -> None:
    limit = threading.Timer(seconds, os._exit, [1])
    limit.daemon = True
    limit.start()


def main() -> None:
    """Record one invocation."""
    _, pipe, lock = map(int, sys.argv[1:])
    os.set_inheritable(lock, False)  # open until the end, but not in processes that MLflow starts
    os.nice(NICE)
    worker = RecordingWorker(Connection(pipe), lock)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, worker.terminate)
    worker.work()
    sys.stderr.flush()
    os._exit(0)  # without waiting for MLflow's threads


if __name__ == "__main__":
    main()
