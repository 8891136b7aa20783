"""The recordings in MLflow that are going on, each held by the process that records it.

.workbench/recording-9c1e04b7a2f35d18.lock     locked as long as process 4711 lives
    4711
    {"run_id": "7c0f…", "tracking_uri": "sqlite:///…", "process": 4711, "rows": "91ab…"}
.workbench/recording.log                       errors of these processes
"""

import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench.errors import StopCheck, Stopped, not_stopped
from workbench.project import Project

LOG = "recording.log"
RUN_OFFSET = 20  # bytes before the run in a lock's file
MAX_LOG = 256 << 10  # bytes, beyond which the log is begun again
POLL_S = 0.1


def open_log(project: Project) -> int:
    """Open the log for appending, or nothing where that fails; return the descriptor."""
    path = project.store / LOG
    try:
        if path.exists() and path.stat().st_size > MAX_LOG:
            path.unlink()
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:  # a full disk, or another process began the log again
        return os.open(os.devnull, os.O_WRONLY)


def lock_recording(project: Project, plan_digest: str, stopped: StopCheck = not_stopped) -> int:
    """Lock the recording of a plan; return the descriptor that holds the lock.

    The lock belongs to every process that has the descriptor, and ends with the last of them.
    `stopped` is checked while another process holds it.

    Raises:
        Stopped: `stopped` returned True.
    """
    descriptor = os.open(_file(project, plan_digest), os.O_RDWR | os.O_CREAT, 0o600)
    while not _try_lock(descriptor):
        if stopped():
            os.close(descriptor)
            raise Stopped
        time.sleep(POLL_S)
    name_process(descriptor, None)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def name_process(descriptor: int, process: int | None) -> None:
    """Write the number of the process that holds a recording's lock into its file; None: none."""
    os.pwrite(descriptor, f"{process or '':<{RUN_OFFSET - 1}}\n".encode(), 0)


@dataclass(frozen=True)
class NamedRun:
    """The parent run in MLflow that a plan was recorded in most recently.

    Attributes:
        process: the number of the process that recorded it.
        rows: digest of the recorded rows; empty until they are complete.
    """

    run_id: str
    tracking_uri: str
    process: int
    rows: str = ""


def write_run(descriptor: int, run: NamedRun) -> None:
    """Write the run into the file of a recording's lock."""
    os.ftruncate(descriptor, RUN_OFFSET)
    os.pwrite(descriptor, json.dumps(asdict(run)).encode(), RUN_OFFSET)


def read_run(project: Project, plan_digest: str) -> NamedRun | None:
    """The run that a plan was or is recorded in; None if none is known yet."""
    with suppress(OSError, ValueError, TypeError):
        return NamedRun(**json.loads(_file(project, plan_digest).read_bytes()[RUN_OFFSET:]))
    return None


def is_recording(project: Project, plan_digest: str) -> bool:
    """True if a process records this plan."""
    return _process_of(_file(project, plan_digest)) is not None


def count_recordings(project: Project) -> int:
    """The number of plans of the project that are being recorded."""
    files = project.store.glob("recording-*.lock")
    return sum(_process_of(file) is not None for file in files)


def is_active(store: Path, plan_digest: str) -> bool:
    """True if a process runs or records this plan."""
    files = (store / f"{kind}-{plan_digest[:16]}.lock" for kind in ("plan", "recording"))
    return any(_process_of(file) is not None for file in files)


def is_abandoned(store: Path, plan_digest: str) -> bool:
    """True if a process of this project ran or recorded this plan, and none does now."""
    files = [store / f"{kind}-{plan_digest[:16]}.lock" for kind in ("plan", "recording")]
    return any(file.exists() for file in files) and not is_active(store, plan_digest)


def wait_for_recordings(
    project: Project,
    note: Callable[[str], None],
    stopped: StopCheck = not_stopped,
    plan_digest: str = "",
) -> None:
    """Wait until no process records this plan, or any plan of the project.

    Args:
        project: whose recordings.
        note: gets a line about each that is waited for.
        stopped: is checked meanwhile.
        plan_digest: of the plan; empty: all.

    Raises:
        Stopped: `stopped` returned True.
    """
    named = _file(project, plan_digest)
    files = [named] if plan_digest else sorted(project.store.glob("recording-*.lock"))
    for file in files:
        process = _process_of(file)
        if process is not None:
            note(f"waiting until MLflow has the run before{process and f' (process {process})'}")
        while _process_of(file) is not None:
            if stopped():
                raise Stopped
            time.sleep(POLL_S)


def _file(project: Project, plan_digest: str) -> Path:
    return project.store / f"recording-{plan_digest[:16]}.lock"


def _process_of(file: Path) -> str | None:
    """The number of the process that holds the lock, empty if not yet known; None: nothing does."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, RUN_OFFSET, 0).decode().strip()
    finally:
        os.close(descriptor)
    return None
