"""Processes of the system, read from /proc, and what they do in time."""

import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 60.0  # the limit of waits, which only a test that fails waits for


def wait_for(condition: Callable[[], object]) -> None:
    """Return once the condition is true."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    """True if a process ends in time; a zombie has ended."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        if stat.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def children(pid: int) -> list[int]:
    """Child processes of a process, zombies included."""
    pids: list[int] = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(file.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        pids += [int(file.parent.name)] if parent == pid else []
    return pids
