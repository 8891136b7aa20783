"""Ctrl-C while a local model answers: once, the batch under way is kept; twice, it ends at once."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from processes import children, completion_count, gone, wait_for, wait_until_stopping

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
            wait_for(lambda: completion_count(home / ".workbench") > 0)
            yield run
        finally:
            run.kill()


def workers(pid: int) -> list[int]:
    pids = []
    for child in children(pid):
        with suppress(OSError):  # it has ended
            if b"transformers.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                pids.append(child)
    return pids


def test_once_the_batch_under_way_is_kept_and_the_rest_is_left(home, running):
    (worker,) = workers(running.pid)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=200)
    count = completion_count(home / ".workbench")
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
    wait_until_stopping(running)
    running.send_signal(signal.SIGINT)
    started = time.monotonic()
    running.communicate(timeout=200)
    assert time.monotonic() - started < 20  # a second; more on a busy machine, but not drain_s
    assert running.returncode == 130
    assert gone(worker)
