"""The whole command, killed repeatedly: one parent run, a trace a row, each answer paid once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import mlflow
import pytest
from billing import Till, billing
from job import make_plan, write_project
from jobs import left_behind, read_books

from workbench.prompt import Renderer
from workbench.store import Store

KILLS = 10 if "WORKBENCH_KILLS" in os.environ else 4
ROWS, CONCURRENCY = 20, 2
PATIENCE = 60.0
WORKBENCH = [sys.executable, "-c", "from workbench.cli import main; main()"]


def start(home: Path) -> "subprocess.Popen[str]":
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI", "MLFLOW"))}
    return subprocess.Popen(
        [*WORKBENCH, "run"],
        cwd=home,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill_when(process: "subprocess.Popen[str]", till: Till, requests: int, after_s: float) -> bool:
    """Kills it once the till has had as many requests; False: it had ended by then."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and len(till.server.requests) < requests:
        assert time.monotonic() < until
        time.sleep(0.005)
    time.sleep(after_s)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert left_running(process.pid) == []
    return running


def left_running(session: int) -> list[int]:
    """The processes of a session that don't end."""
    until = time.monotonic() + PATIENCE
    while (found := list(_of(session))) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def _of(session: int) -> Iterator[int]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getsid(int(entry.name)) == session:
                yield int(entry.name)


@pytest.mark.slow
def test_command_killed_again_and_again_records_once_and_pays_once(
    tmp_path: Path, renderer: Renderer
) -> None:
    chance = random.Random(7)
    with billing(delays=(0.1, 0.4)) as till:
        settings = f'base_url: "{till.url}", concurrency: {CONCURRENCY}, backoff_s: 0.01'
        write_project(tmp_path, f'"openai:m": {{{settings}}}', ROWS)
        folder = tmp_path / ".workbench"
        folder.mkdir()
        with Store(folder) as store:
            requests = dict(make_plan(tmp_path, store, renderer).bodies)
        known: dict[str, str] = {}
        killed = 0
        for number in range(KILLS):
            before = len(till.server.requests)
            left = ROWS - len(known)
            # The first kills fall into the sending, the last into scoring and recording.
            sending = number < KILLS // 2
            wanted = before + min(left, chance.randrange(1, 6) if sending else left)
            after_s = chance.uniform(0, 0.3 if sending else 4.0)
            killed += kill_when(start(tmp_path), till, wanted, after_s)
            books = read_books(folder)
            assert known.items() <= books.texts.items()
            assert {key for key in known if till.billed(requests, since=before)[key]} == set()
            known = books.texts
            print(f"{killed} kills: {len(known)} kept, {books.unknown.total()} unknown")
        process = start(tmp_path)
        said, _ = process.communicate(timeout=250)
        assert process.returncode == 0, said
        assert left_running(process.pid) == []
        books, billed = read_books(folder), till.billed(requests)
    assert killed >= KILLS - 3
    assert sorted(books.texts.values()) == sorted(f"row {n}" for n in range(ROWS))
    assert {key: n for key, n in billed.items() if n - 1 > books.unknown[key]} == {}
    assert books.unknown.total() <= 3 * CONCURRENCY * KILLS
    assert (books.intents, books.owners, left_behind(folder)) == (frozenset(), 0, [])
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = [one.experiment_id for one in mlflow.search_experiments()]
    runs = mlflow.search_runs(experiments, output_format="list")
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert (len(parents), len(runs)) == (1, 2)
    assert len(mlflow.search_traces(locations=experiments, return_type="list")) == ROWS
