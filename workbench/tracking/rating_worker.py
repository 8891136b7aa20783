"""The process that records ratings: one recording for each message of its pipe.

Run as `python -m workbench.tracking.rating_worker PARENT_PID PIPE_FD`. It receives

    (project, redactor, tracking_uri)      b"record"

and sends for each `record` an empty text, or the reason of a failure.
"""

import os
import pickle
import sys
from multiprocessing.connection import Connection

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.secrets import Redactor
from workbench.workers.parent_pipe import die_with

NICE = 10


def main() -> None:
    """Record until the main process closes the pipe."""
    parent, descriptor = map(int, sys.argv[1:])
    die_with(parent)
    os.nice(NICE)
    pipe = Connection(descriptor)
    project, redactor, tracking_uri = pickle.loads(pipe.recv_bytes())  # noqa: S301  ours
    while True:
        try:
            pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(_record(project, redactor, tracking_uri).encode())


def _record(project: Project, redactor: Redactor, tracking_uri: str) -> str:
    from workbench.tracking.human_feedback import sync_ratings  # imports MLflow

    try:
        sync_ratings(project, redactor, tracking_uri)
    except WorkbenchError as error:
        return error.message
    except Exception as error:  # an unexpected reply of a server; the next recording tries again
        return f"ratings are not in MLflow yet: {type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    main()
