"""On a terminal the shell comes back after the leaderboard; MLflow's part goes on by itself."""

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from command import WORKBENCH, add_mlflow_store, call, environment, invoke, write_task
from processes import gone, wait_for

from workbench.errors import Stopped
from workbench.project import Project
from workbench.tracking.live_recordings import (
    LOG,
    NamedRun,
    count_recordings,
    is_active,
    is_recording,
    lock_recording,
    name_process,
    read_run,
    wait_for_recordings,
    write_run,
)


@pytest.fixture
def home(tmp_path: Path, empty_store: Path) -> Path:
    write_task(tmp_path)
    add_mlflow_store(tmp_path, empty_store)
    return tmp_path


class Terminal:
    """A terminal with a session of its own, in which a command runs."""

    def __init__(self, home: Path, command: list[str]) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            os.execve(command[0], command, environment())
        self.text = ""

    def read_until(self, done: Callable[[str], object], timeout_s: float = 60) -> str:
        deadline = time.monotonic() + timeout_s
        while not done(self.text) and time.monotonic() < deadline:
            try:
                self.text += os.read(self.master, 65_536).decode(errors="replace")
            except OSError:  # the last process of the session has closed it
                break
        return self.text

    def exit_code(self) -> int:
        self.read_until(lambda _: False)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def recorder_of(text: str) -> int:
    named = re.search(r"goes on in the background: process (\d+), \.workbench/recording\.log", text)
    assert named, text
    return int(named[1])


def noted_plans(home: Path) -> list[str]:
    plans = []
    for file in (home / ".workbench" / "unrecorded").glob("*.json"):
        with suppress(FileNotFoundError):  # recorded meanwhile
            plans.append(json.loads(file.read_text())["plan"])
    return plans


@contextmanager
def locked_store(home: Path) -> Iterator[None]:
    """Lock MLflow's store, so that a recording goes on until the end of the block."""
    with closing(sqlite3.connect(home / ".workbench" / "mlflow.db")) as db:
        db.execute("BEGIN IMMEDIATE")
        yield


def test_the_shell_comes_back_first_and_the_next_commands_wait_for_the_record(home: Path) -> None:
    with locked_store(home):
        terminal = Terminal(home, [*WORKBENCH, "run"])
        terminal.read_until(lambda text: "goes on in the background" in text)
        recorder = recorder_of(terminal.text)
        os.kill(recorder, signal.SIGSTOP)
    assert terminal.exit_code() == 0
    (plan,) = noted_plans(home)
    assert is_active(home / ".workbench", plan)
    unnamed = invoke(home, "plan")  # a recording that goes on is no note
    assert (unnamed.returncode, "MLflow lacks" in unnamed.stderr) == (0, False)
    prune = ["store", "prune", "--model", "other", "--yes"]
    commands = [["history", "--json"], ["run", "--json"], ["run", "--json"], prune]
    waiting = [
        subprocess.Popen(
            [*WORKBENCH, *words],
            cwd=home,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in commands
    ]
    for process in waiting:
        assert process.stderr
        line = process.stderr.readline()
        assert line == f"waiting until MLflow has the run before (process {recorder})\n"
        assert process.poll() is None
    os.kill(recorder, signal.SIGCONT)
    history, *runs, _ = (process.communicate(timeout=200)[0] for process in waiting)
    assert [process.returncode for process in waiting] == [0, 0, 0, 0]
    assert [len(variant["runs"]) for variant in json.loads(history)["variants"]] == [1, 1]
    assert [json.loads(run)["recorded_before"] for run in runs] == [True, True]
    (run_id,) = {json.loads(run)["parent_run_id"] for run in runs}
    assert all(json.loads(run)["best_run_id"] for run in runs)
    assert (gone(recorder), noted_plans(home)) == (True, [])
    assert (home / ".workbench" / LOG).read_text() == ""
    again = call(home, "run", "--no-wait").stdout
    end_process(int(again.split(": process ")[1].split(",")[0]))
    uri = f"sqlite:///{home}/.workbench/mlflow.db"
    assert f"(--again: new ones)\nrecorded in {uri}, run {run_id}\n" in again


def test_a_fifth_recording_is_waited_for(home: Path) -> None:
    others = [lock_recording(Project(home), f"{n}") for n in range(4)]
    done = call(home, "run", "--no-wait")
    assert (done.returncode, "\nrecorded in " in done.stdout) == (0, True)
    assert done.stderr.endswith("\nrecording in MLflow\n")
    for other in others:
        os.close(other)


def end_process(number: int) -> None:
    with suppress(ProcessLookupError):  # it has ended
        os.kill(number, signal.SIGTERM)
    assert gone(number)


def test_a_lock_names_its_process_and_the_run_of_the_plan(tmp_path: Path) -> None:
    project = Project(tmp_path)
    first = lock_recording(project, "9c1e")
    assert (is_recording(project, "9c1e"), read_run(project, "9c1e")) == (True, None)
    run = NamedRun("7c0f", "sqlite:///mlflow.db", 4711, "91ab")
    name_process(first, 4711)
    write_run(first, run)
    os.close(first)
    second = lock_recording(project, "9c1e")
    assert read_run(project, "9c1e") == run
    notes: list[str] = []
    with pytest.raises(Stopped):
        wait_for_recordings(project, notes.append, lambda: bool(notes), "9c1e")
    assert notes == ["waiting until MLflow has the run before"]  # without the earlier process
    with pytest.raises(Stopped):
        lock_recording(project, "9c1e", lambda: True)
    name_process(second, 5)
    write_run(second, replace(run, process=5, rows=""))
    os.close(second)
    assert read_run(project, "9c1e") == replace(run, process=5, rows="")
    third = lock_recording(project, "7a")
    assert (is_recording(project, "9c1e"), count_recordings(project)) == (False, 1)
    os.close(third)


def test_the_end_of_the_terminal_does_not_end_the_record(home: Path) -> None:
    shell = ["/bin/sh", "-c", 'trap "" TERM; "$@"; sleep 60', "sh", *WORKBENCH, "run"]
    terminal = Terminal(home, shell)
    terminal.read_until(lambda text: "compare: workbench ui, which waits for it" in text)
    recorder = recorder_of(terminal.text)
    os.close(terminal.master)
    os.waitpid(terminal.pid, 0)
    wait_for(lambda: noted_plans(home) == [])
    assert gone(recorder)
    variants = json.loads(invoke(home, "history", "--json").stdout)["variants"]
    assert [len(variant["runs"]) for variant in variants] == [1, 1]


def test_a_recorder_that_is_killed_is_named_by_the_next_command_and_sync_records_the_rest(
    home: Path,
) -> None:
    with locked_store(home):
        done = call(home, "run", "--no-wait")
        recorder = recorder_of(done.stdout)
        os.kill(recorder, signal.SIGKILL)
    assert (done.returncode, gone(recorder)) == (0, True)
    named = invoke(home, "plan").stderr
    assert re.fullmatch(
        r"note: MLflow lacks the run of prompts/qa/experiment\.yaml, \S+: its recording was cut "
        r"off; workbench sync records it\n",
        named,
    )
    synced = invoke(home, "sync")
    assert (synced.returncode, "recorded: 4 rows, run " in synced.stdout) == (0, True)
    assert invoke(home, "plan").stderr == ""


def test_a_record_that_fails_in_the_background_is_a_note_with_its_reason(home: Path) -> None:
    nowhere = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    done = call(home, "run", "--no-wait", **nowhere)
    (plan,) = noted_plans(home)
    wait_for(lambda: not is_active(home / ".workbench", plan))
    assert (done.returncode, done.stderr.count("error")) == (0, 0)
    named = invoke(home, "plan", **nowhere).stderr
    assert "note: MLflow lacks the run of prompts/qa/experiment.yaml, " in named
    assert "answer: <urlopen error [Errno 111] Connection refused>; workbench sync" in named
    synced = invoke(home, "sync", **nowhere)
    assert (synced.returncode, "MLflow lacks" in synced.stderr) == (6, False)
    assert invoke(home, "sync").returncode == 0
