"""The process that writes an outbox to MLflow; it ends with the server.

Run as `python -m workbench.serving.traces.sender PARENT_PID`. It reads one line,

    {"folder": "/var/lib/workbench/triage", "tracking_uri": "…", "experiment": "triage production"}

and writes a JSON text per line: messages for the server's log. Once its standard input is closed it
ends as soon as all is sent.
"""

import fcntl
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from workbench.serving.traces.segments import NO_LINKS
from workbench.workers.garbage import paused_gc
from workbench.workers.parent_pipe import die_with

SENDER_LOCK = "sender.lock"
NICE = 10  # the server goes first where both need a core
# MLflow's own retries would take minutes for a call, and hide that the server is gone.
VARIABLES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


def main() -> None:
    """Send until the server ends."""
    die_with(int(sys.argv[1]))
    os.nice(NICE)
    job = json.loads(sys.stdin.readline())
    folder = Path(job["folder"])
    report = _message_writer()
    ending = threading.Event()
    threading.Thread(target=_wait_for_end, args=[ending], daemon=True).start()
    # A server that was killed may leave a sender for a moment: only one of them sends.
    lock = os.open(folder / SENDER_LOCK, os.O_RDWR | os.O_CREAT | NO_LINKS, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
    with paused_gc():
        from workbench.serving.traces.mlflow_traces import MlflowTraces
        from workbench.serving.traces.sending import OutboxSender

    traces = MlflowTraces(job["tracking_uri"], job["experiment"], report)
    OutboxSender(folder, traces, report, ending).run()
    sys.stdout.flush()
    os._exit(0)  # without waiting for MLflow's threads


def _message_writer() -> Callable[[str], None]:
    """A function that sends a message to the server; MLflow's own output goes nowhere."""
    descriptor = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    null = os.open(os.devnull, os.O_WRONLY)
    for standard in (1, 2):
        os.dup2(null, standard)

    def write(message: str) -> None:
        os.write(descriptor, f"{json.dumps(message)}\n".encode())

    return write


def _wait_for_end(ending: threading.Event) -> None:
    sys.stdin.read()
    ending.set()


if __name__ == "__main__":
    main()
