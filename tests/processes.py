"""Other processes: those of the system, read from /proc, and what they do in time."""

import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

PATIENCE_S = 120.0  # the limit of waits, which only a test that fails waits for


def wait_for(condition: Callable[[], object]) -> None:
    """Return once the condition is true."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def wait_until_stopping(run: "subprocess.Popen[str]") -> None:
    """Return once a run has said that it stops: a second signal is not lost in the first."""
    assert run.stderr
    output = b""
    while b"Press Ctrl-C again" not in output:
        read = os.read(run.stderr.fileno(), 4096)
        assert read, output
        output += read


def completion_count(store: Path) -> int:
    """Completions in a store that another process makes and writes."""
    if not (store / "store.db").exists():
        return 0
    with closing(sqlite3.connect(store / "store.db")) as db:
        try:
            return int(db.execute("SELECT count(*) FROM completions").fetchone()[0])
        except sqlite3.OperationalError:  # its tables are not there yet
            return 0


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


def reserve_port() -> socket.socket:
    """A socket on a port that no other process is given; a server may still listen on it."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


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
