"""The recording process: MLflow costs the main process neither time nor memory.

    recorder.begin(job)                      starts it; it imports MLflow while calls are in flight
    recorder.add(0, records)
    recorder.finish(results, not_stopped)    ->  Recorded(…)
    recorder.hand_over(results, finished)    ->  Recorded(…, process=4711), which goes on

It gets everything through a pipe, and ends with the main process unless it was handed over. Then it
opens the store itself. Messages are pickled: both ends of the pipe are our own processes. Its lock
lives as long as it does.
"""

import os
import pickle
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from workbench.errors import StopCheck, Stopped, not_stopped, pluralize
from workbench.project import Project
from workbench.secrets import Redactor, mask_url
from workbench.tracking.live_recordings import LOG, lock_recording, name_process, open_log, read_run
from workbench.tracking.protocol import (
    DETACH,
    STOP,
    Recorded,
    Recorder,
    RecordingJob,
    ResultSet,
    RowRecord,
    not_recorded_error,
)
from workbench.workers.worker_process import child_command, import_path

POLL_S = 0.2  # between two stop checks
EXIT_S = 3.0  # for the process to exit after its last message


class RecordingProcess(Recorder):
    """A recorder that works in a child process."""

    def __init__(self, project: Project, redactor: Redactor, tracking_uri: str = "") -> None:
        self._project = project
        self._redactor = redactor
        self.tracking_uri = tracking_uri
        self._pipe: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._job: RecordingJob | None = None

    def begin(self, job: RecordingJob) -> None:
        """See `Recorder`."""
        self._start(job, not_stopped)

    def _start(self, job: RecordingJob, stopped: StopCheck) -> None:
        lock, log = lock_recording(self._project, job.plan.digest, stopped), open_log(self._project)
        self._job = job
        self._pipe, child_end = Pipe()
        self._process = subprocess.Popen(
            child_command("workbench.tracking.worker", child_end.fileno(), lock),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **import_path()},
            pass_fds=[child_end.fileno(), lock],
            start_new_session=True,  # only the main process gets Ctrl-C and the terminal's end
        )
        name_process(lock, self._process.pid)
        child_end.close()
        os.close(lock)
        os.close(log)
        self._send("begin", self._project, self._redactor, self.tracking_uri, job)

    def add(self, variant: int, records: Sequence[RowRecord]) -> None:
        """See `Recorder`."""
        self._send("add", variant, records)

    def finish(self, results: ResultSet, stopped: StopCheck) -> Recorded:
        """See `Recorder`. If the process was killed, another one takes over, once."""
        recorded = self._finish(results, stopped)
        if recorded is None and self._job:
            self._end(EXIT_S)
            self._start(self._job, stopped)
            recorded = self._finish(results, stopped)
        return recorded or self._ended_early(results)

    def _finish(self, results: ResultSet, stopped: StopCheck) -> Recorded | None:
        """Have the process finish the recording; None if it ended before it had."""
        self._send("finish", results.variants, results.digests, results.not_run)
        while reply := self._receive(stopped):
            kind, *values = reply
            if kind == "done":
                self._end(EXIT_S)
                recorded: Recorded = values[0]
                return recorded
            if kind == "pages":
                self._send("pages", results.pages and results.pages(*values))
                continue
            if kind == "overview":
                self._send("overview", results.overview and results.overview(*values))
                continue
            variant = values[0]
            for records in results.rows(variant):
                self._send("add", variant, records)
            self._send("all", variant)
        return None

    def hand_over(self, results: ResultSet, finished: Callable[[Recorded], None]) -> Recorded:
        """See `Recorder`."""
        assert self._process
        assert self._pipe
        self._send("results", results, finished)
        self._send_bytes(DETACH)
        if self._process.poll() is not None:
            return self._ended_early(results)
        recorded = self._named_run(results, self._process.pid)
        self._pipe.close()
        self._process = self._pipe = None
        return recorded

    def _named_run(self, results: ResultSet, process: int) -> Recorded:
        """The run in MLflow as far as it is known: opened by now, or that of an earlier command."""
        assert self._job
        uri = mask_url(self._project.tracking_uri(self.tracking_uri))
        run = read_run(self._project, self._job.plan.digest)
        if not run or run.tracking_uri != uri:
            return Recorded(uri, process=process)
        before = run.rows == results.rows_digest and not self._job.again
        run_id = run.run_id if before or run.process == process else ""
        return Recorded(uri, parent_run_id=run_id, recorded_before=before, process=process)

    def stop(self, timeout_s: float) -> None:
        """See `Recorder`."""
        if self._process is None or self._pipe is None:
            return
        self._send_bytes(STOP)
        if timeout_s:
            self._end(timeout_s)
        else:
            self._pipe.close()
            self._process = self._pipe = None

    def _send(self, *message: object) -> None:
        self._send_bytes(pickle.dumps(message))

    def _send_bytes(self, message: bytes) -> None:
        if self._pipe:
            with suppress(OSError):  # the process has ended; `finish` reports that
                self._pipe.send_bytes(message)

    def _receive(self, stopped: StopCheck) -> tuple[Any, ...] | None:
        """The next message; None if the process has ended."""
        assert self._pipe
        try:
            while not self._pipe.poll(POLL_S):
                if stopped():
                    raise Stopped
            reply: tuple[Any, ...] = self._pipe.recv()
        except (EOFError, ConnectionError):
            return None
        return reply

    def _end(self, timeout_s: float) -> None:
        """Wait for the process, then kill it."""
        assert self._process
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        self._process.kill()
        self._process.wait()
        if self._pipe:
            self._pipe.close()
        self._process = self._pipe = None

    def _ended_early(self, results: ResultSet) -> Recorded:
        self._end(EXIT_S)
        rows = f"{pluralize(results.row_count, 'row')} may be missing in MLflow"
        problem = not_recorded_error(
            f"the recording process ended early: {rows}", where=f"{self._project.store.name}/{LOG}"
        )
        uri = mask_url(self._project.tracking_uri(self.tracking_uri))
        return Recorded(uri, problems=(problem,))
