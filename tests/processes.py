"""Processes of the system, read from /proc."""

import time
from pathlib import Path


def gone(pid: int, seconds: float = 5.0) -> bool:
    """True if a process ends in time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
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
