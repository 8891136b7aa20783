"""Ctrl-C while a local model answers: once, the batch under way is kept; twice, it ends at once."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from processes import gone, wait_for

WORKBENCH = [sys.executable, "-c", "from workbench.cli import main; main()"]
ROWS = 200

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path, tiny: Path) -> Path:
    """A project whose model answers one row at a time, each with many tokens."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    rows = [{"id": f"n{n}", "text": f"{n} the film", "label": "x"} for n in range(ROWS)]
    (task / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (task / "plain.jinja").write_text("---\nchat: false\n---\n{{ text }} is")
    (task / "experiment.yaml").write_text(
        "dataset: {path: rows.jsonl, expected: label}\n"
        "prompts: [plain]\n"
        f'models: [{{"transformers:{tiny}": {{dtype: float32, batch_size: 1}}}}]\n'
        "parameters: {max_tokens: 200}\n"
        "evaluators: [exact_match]\n"
    )
    return tmp_path


@pytest.fixture
def running(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """A run that has kept its first answers."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI", "MLFLOW"))}
    command = [*WORKBENCH, "run", "--tracking-uri", "none"]
    with subprocess.Popen(
        command, cwd=home, env=clean, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        try:
            wait_for(lambda: stored(home) > 0)
            yield run
        finally:
            run.kill()


def stored(home: Path) -> int:
    store = home / ".workbench" / "store.db"
    if not store.exists():
        return 0
    with closing(sqlite3.connect(store)) as db:
        try:
            return int(db.execute("SELECT count(*) FROM completions").fetchone()[0])
        except sqlite3.OperationalError:  # the store is being made
            return 0


def workers(pid: int) -> list[int]:
    pids = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in listed.read_text().split():
            if b"transformers.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                pids.append(int(child))
    return pids


def test_once_the_batch_under_way_is_kept_and_the_rest_is_left(home, running):
    (worker,) = workers(running.pid)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    count = stored(home)
    assert running.returncode == 130
    assert re.findall(r"interrupted: .*", err) == [
        f"interrupted: {count} requests were answered and kept, {ROWS - count} are left"
    ]
    assert 0 < count < ROWS
    assert gone(worker)


def test_twice_it_ends_at_once_and_the_model_with_it(home, running):
    (worker,) = workers(running.pid)
    os.kill(worker, signal.SIGSTOP)  # a batch that takes for ever
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    started = time.monotonic()
    running.communicate(timeout=30)
    assert time.monotonic() - started < 3.0  # one second, and a machine that is busy
    assert running.returncode == 130
    assert gone(worker)
