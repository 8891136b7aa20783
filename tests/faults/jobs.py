"""The tests' side of job.py, and what a store holds, read as a killed process left it.

with jobs() as forge:
    one = forge.start(root)
    os.kill(one.pid, SIGKILL)
    one.wait()                # Ended(signal=9, code=0)
"""

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JOB = Path(__file__).with_name("job.py")


@dataclass(frozen=True)
class Ended:
    """Signal and exit code of a job; both are 0 on success."""

    signal: int
    code: int


DONE = Ended(0, 0)
KILLED = Ended(9, 0)


@dataclass(frozen=True)
class Job:
    """A process that completes a plan."""

    forge: "Forge"
    pid: int
    root: Path

    def wait(self) -> Ended:
        return Ended(**self.forge.ask(wait=self.pid))

    @property
    def error(self) -> str:
        """The error message for the user; empty if there is none."""
        file = self.root / f"error-{self.pid}"
        return file.read_text() if file.exists() else ""


class Forge:
    """Starts jobs, each in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, root: Path, **order: Any) -> Job:
        """Returns when the job is about to complete its plan."""
        return Job(self, self.ask(root=str(root), **order)["pid"], root)

    def run(self, root: Path, **order: Any) -> Ended:
        return self.start(root, **order).wait()


@contextmanager
def jobs() -> Iterator[Forge]:
    with subprocess.Popen(
        [sys.executable, str(JOB)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Forge(process)
        assert process.stdin
        process.stdin.close()


@dataclass(frozen=True)
class Books:
    """Contents of a store.

    Attributes:
        texts: of the answers, by key.
        intents: what somebody asks.
        unknown: how often a call's outcome was lost, by key.
    """

    texts: dict[str, str]
    intents: frozenset[str]
    unknown: Counter[str]
    owners: int


def read_books(folder: Path) -> Books:
    """Read in a copy, so that a killed process's files stay as they are."""
    with tempfile.TemporaryDirectory() as copy:
        for file in folder.glob("store.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, copy)
        with closing(sqlite3.connect(Path(copy) / "store.db")) as db:
            kept = db.execute("SELECT key, completion FROM completions").fetchall()
            lost = db.execute("SELECT key FROM calls WHERE outcome = 'unknown'").fetchall()
            return Books(
                texts={key: json.loads(text)["text"] for key, text in kept},
                intents=frozenset(key for (key,) in db.execute("SELECT key FROM intents")),
                unknown=Counter(key for (key,) in lost),
                owners=db.execute("SELECT count(*) FROM owners").fetchone()[0],
            )


def left_behind(folder: Path) -> list[str]:
    """Files that a job must not leave behind: locks, owners, logs; MLflow's files are ignored."""
    lasting = ("store.db", "traces.db", "acknowledged", "reserve", "owners", "plan-")
    lasting += ("mlflow", "artifacts", "unrecorded", "recording", ".gitignore")
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.relative_to(folder).parts[0].startswith(lasting)
        or path.name.startswith(("store.db-", "traces.db-"))
        or path.parent.name == "owners"
    )
