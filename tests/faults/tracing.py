"""Arguments of strace: system calls, files, and the fault to inject.

kill_at("pwrite64", 7, files)    # before a thread's seventh write to one of the files
"""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

CHANGES = ("pwrite64", "write", "fdatasync", "fsync", "ftruncate", "unlink", "rename", "fallocate")
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is missing (apt-get install strace)"
)


def the_store(root: Path) -> list[Path]:
    """The files that hold what is kept."""
    return [root / ".workbench" / name for name in ("store.db", "store.db-wal")]


def log(file: Path, files: Sequence[Path] = ()) -> list[str]:
    """Writes down every change, a line each."""
    return ["-e", f"trace={','.join(CHANGES)}", "-o", str(file), *_paths(files)]


def kill_at(call: str, number: int, files: Sequence[Path] = ()) -> list[str]:
    """Ends the process before a thread's call of that number; strace counts each thread's own."""
    injected = f"inject={call}:signal=SIGKILL:when={number}"
    return ["-e", f"trace={call}", "-e", injected, *_paths(files)]


def fail(call: str, error: str) -> list[str]:
    """Every such call fails."""
    return ["-e", f"trace={call}", "-e", f"inject={call}:error={error}"]


def counted(file: Path) -> Counter[str]:
    """The most that one thread has made of each call, from what `log` wrote."""
    threads: Counter[tuple[str, str]] = Counter()
    for line in file.read_text().splitlines():
        thread, _, rest = line.partition(" ")
        threads[thread, rest.strip().partition("(")[0]] += 1
    most: Counter[str] = Counter()
    for (_, call), count in threads.items():
        if call in CHANGES:
            most[call] = max(most[call], count)
    return most


def _paths(files: Sequence[Path]) -> list[str]:
    return [word for file in files for word in ("-P", str(file))]
