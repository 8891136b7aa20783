"""A process beside `workbench view` that records ratings, so that no request waits for MLflow.

    with RatingProcess(project, redactor) as ratings:
        ratings.wake()      records what MLflow lacks, soon
        ratings.error()     "" or the reason why MLflow lacks some

It starts with the first rating, and ends with the main process. What it could not record is
recorded by the next `workbench sync` or `run`.
"""

import os
import pickle
import subprocess
import threading
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Self

from workbench.project import Project
from workbench.secrets import Redactor
from workbench.workers.worker_process import child_command, import_path

RETRY_S = 60.0  # after a failure
EXIT_S = 5.0  # for the recording in hand when the main process ends
ENDED = "the process that records ratings has ended"


class RatingProcess:
    """The process, for the length of a `with`."""

    def __init__(self, project: Project, redactor: Redactor, tracking_uri: str = "") -> None:
        self._project = project
        self._redactor = redactor
        self._uri = tracking_uri
        self._error = ""
        self._ending = False
        self._changed = threading.Condition()
        self._woken = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Self:
        if self._project.tracks(self._uri):
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(EXIT_S)

    def wake(self) -> None:
        """Have the process record what MLflow lacks."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def error(self) -> str:
        """The reason why MLflow lacks ratings; empty if the last recording succeeded."""
        return self._error

    def _work(self) -> None:
        process: subprocess.Popen[bytes] | None = None
        pipe: Connection | None = None
        while True:
            with self._changed:
                timeout_s = RETRY_S if self._error else None
                self._changed.wait_for(lambda: self._woken or self._ending, timeout_s)
                if self._ending and not self._woken:
                    break
                self._woken = False
            try:
                if process is None or pipe is None or process.poll() is not None:
                    process, pipe = self._start()
                pipe.send_bytes(b"record")
                self._error = pipe.recv_bytes().decode()
            except (EOFError, OSError):
                self._error = ENDED
        if process and pipe:
            pipe.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(EXIT_S)
            process.kill()
            process.wait()

    def _start(self) -> tuple["subprocess.Popen[bytes]", Connection]:
        pipe, child_end = Pipe()
        process = subprocess.Popen(
            child_command("workbench.tracking.rating_worker", child_end.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **import_path()},
            pass_fds=[child_end.fileno()],
            start_new_session=True,  # Ctrl-C reaches the main process only
        )
        child_end.close()
        pipe.send_bytes(pickle.dumps((self._project, self._redactor, self._uri)))
        return process, pipe
