"""Recording in a process of its own: MLflow costs the paying one neither time nor memory.

recorder = RecordingProcess(project, redactor, tracking_uri)
recorder.begin(order)               starts it; it imports MLflow while the first calls are under way
recorder.add(0, entries)
recorder.finish(results, never)     ->  Recorded(…)

It is told all it knows through a pipe, reads no store of answers, and ends with ours, however that
ends. What it says comes pickled: it is our own child, and nobody else writes into the pipe.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from workbench.errors import ExitCode, StopCheck, Stopped, WorkbenchError
from workbench.project import Project
from workbench.secrets import Redactor, mask_url
from workbench.tracking.protocol import STOP, Recorded, RecordingJob, Results, RowRecord

ROOT = Path(__file__).resolve().parents[2]  # it must import the workbench that starts it
LOOK = 0.2  # seconds between two looks whether to stop
LINGER = 3.0  # seconds it has to end once it has said all


class RecordingProcess:
    """A `Recorder` whose work is done by another process.

    Args:
        project: whose invocation it is.
        redactor: takes secrets out of all that is written.
        tracking_uri: as the command line names it; empty: the project's.
    """

    def __init__(self, project: Project, redactor: Redactor, tracking_uri: str = "") -> None:
        self._project = project
        self._redactor = redactor
        self.tracking_uri = tracking_uri
        self._line: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self, order: RecordingJob) -> None:
        """As `Recorder.begin`."""
        self._line, theirs = Pipe()
        command = [sys.executable, "-P", "-m", "workbench.tracking.worker"]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [*command, str(os.getpid()), str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # a Ctrl-C is ours to hear
        )
        theirs.close()
        self._say(("begin", self._project, self._redactor, self.tracking_uri, order))

    def add(self, variant: int, entries: Sequence[RowRecord]) -> None:
        """As `Recorder.add`."""
        self._say(("add", variant, entries))

    def finish(self, results: Results, stopped: StopCheck) -> Recorded:
        """As `Recorder.finish`."""
        self._say(("finish", results.variants, results.digests, results.not_run))
        while True:
            answer = self._hear(stopped)
            if answer is None:
                return self._lost(results)
            kind, said = answer
            if kind == "done":
                self._end(LINGER)
                found: Recorded = said
                return found
            if kind == "pages":
                self._say(("pages", results.pages()))
                continue
            for entries in results.rows(said):
                self._say(("add", said, entries))
            self._say(("all", said))

    def stop(self, patience_s: float) -> None:
        """As `Recorder.stop`."""
        if self._process is not None:
            self._write(STOP)
            self._end(patience_s)

    def _say(self, message: tuple[Any, ...]) -> None:
        self._write(pickle.dumps(message))

    def _write(self, message: bytes) -> None:
        """One that is no more is told nothing; `finish` says so."""
        if self._line:
            with suppress(OSError):
                self._line.send_bytes(message)

    def _hear(self, stopped: StopCheck) -> tuple[str, Any] | None:
        """What it says next; None: it is no more."""
        assert self._line
        try:
            while not self._line.poll(LOOK):
                if stopped():
                    raise Stopped
            answer: tuple[str, Any] = self._line.recv()
        except (EOFError, ConnectionError):
            return None
        return answer

    def _end(self, patience: float) -> None:
        """Waits so many seconds, then kills it."""
        assert self._process
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self._process.kill()
        self._process.wait()
        if self._line:
            self._line.close()
        self._process = self._line = None

    def _lost(self, results: Results) -> Recorded:
        assert self._process
        self._end(LINGER)
        rows = sum(one.rows.planned - one.rows.not_run for one in results.variants)
        return Recorded(
            mask_url(self._project.tracking_uri(self.tracking_uri)),
            problems=(
                WorkbenchError(
                    f"the process that records ended before its time: "
                    f"{rows:,} rows may be missing in MLflow",
                    fix="the answers and scores are safe; the same command, or workbench sync, "
                    "records what is missing",
                    exit_code=ExitCode.NOT_RECORDED,
                ),
            ),
        )
