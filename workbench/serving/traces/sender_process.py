"""The server's side of the sender: started, and started again when it ends, until the server ends.

SenderProcess(settings, redactor, report)      starts it, in a thread that waits for its end
.close(timeout_s)                              waits at most that long until all is sent
"""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from workbench.secrets import Redactor
from workbench.serving.traces.trace_settings import TraceSettings
from workbench.workers.worker_process import child_command, import_path

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0  # before it is started again
STEADY_S = 30.0  # after which the pauses begin anew


class SenderProcess:
    """The process that writes an outbox to MLflow.

    Args:
        settings: of the traces.
        redactor: of the messages that the process reports.
        report: gets its messages, from another thread.
    """

    def __init__(
        self, settings: TraceSettings, redactor: Redactor, report: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._redactor = redactor
        self._report = report
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        # The system ends the child with the thread that started it: this one lives to the end.
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Let it send what is left for at most `timeout_s` seconds, then end it."""
        with self._lock:
            self._closing.set()
            process = self._process
        if process:
            assert process.stdin
            with suppress(OSError):
                process.stdin.close()  # it ends once all is sent
            self._thread.join(timeout_s)
            process.kill()
        self._thread.join(timeout=5.0)

    def _supervise(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            with self._lock:
                if self._closing.is_set():
                    return
                self._process = self._start()
            assert self._process.stdout
            started_s = time.monotonic()
            self._read_messages(self._process.stdout)
            code = self._process.wait()
            if time.monotonic() - started_s > STEADY_S:
                pause_s = FIRST_PAUSE_S
            if self._closing.is_set():
                return
            self._report(
                f"the process that sends traces ended ({code}); it starts again in {pause_s:g} s"
            )
            self._closing.wait(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _start(self) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            child_command("workbench.serving.traces.sender"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **import_path()},
            start_new_session=True,  # Ctrl-C reaches the server only
        )
        assert process.stdin
        fields = {name: getattr(self._settings, name) for name in ("tracking_uri", "experiment")}
        job = json.dumps({**fields, "folder": str(self._settings.folder)})
        with suppress(OSError):  # it has ended already
            process.stdin.write(f"{job}\n".encode())
            process.stdin.flush()
        return process

    def _read_messages(self, stream: IO[bytes]) -> None:
        """Report what it writes, a JSON text per line, until it ends."""
        for line in stream:
            with suppress(ValueError):
                self._report(self._redactor.redact(str(json.loads(line))))
