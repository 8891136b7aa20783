"""The address of MLflow's pages, known without a request and without importing MLflow.

.workbench/ui-5f0c9a1b.lock     locked as long as a `workbench ui` serves this tracking store
    http://127.0.0.1:5000
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.canonical import digest
from workbench.project import Project
from workbench.secrets import mask_url
from workbench.tracking.page_addresses import server_address

ATTEMPTS, PAUSE_S = 20, 0.05  # a reader holds the lock for a moment
MAX_ADDRESS = 200  # bytes


def mlflow_address(project: Project, tracking_uri: str = "") -> str:
    """The address of a server without its credentials, or of a `workbench ui` that runs now.

    Empty: the tracking store is no server, and no `workbench ui` of this project serves it.
    """
    uri = project.tracking_uri(tracking_uri)
    is_server = uri.startswith(("http://", "https://"))
    return server_address(uri) if is_server else _served_address(_lock_file(project, uri))


@contextmanager
def served_at(project: Project, uri: str, address: str) -> Iterator[None]:
    """Name the address of a server over the tracking store `uri` to other commands.

    If another process serves the store already, its address stays.
    """
    descriptor = -1
    with suppress(OSError):  # a full disk, or a folder that can't be written
        descriptor = os.open(_lock_file(project, uri), os.O_RDWR | os.O_CREAT, 0o600)
        if _lock(descriptor):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, address.encode(), 0)
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    for _ in range(ATTEMPTS):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(PAUSE_S)
    return False


def _served_address(file: Path) -> str:
    """The address in a lock's file while a process holds the lock."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, MAX_ADDRESS, 0).decode("utf-8", "replace")
    except OSError:  # a file system without locks
        return ""
    finally:
        os.close(descriptor)
    return ""


def _lock_file(project: Project, uri: str) -> Path:
    return project.store / f"ui-{digest(mask_url(uri))[:8]}.lock"
