"""`workbench run --watch` as a process: its keys, its output, and the record at its end."""

import re
import signal
import sqlite3
import termios
import time
from pathlib import Path

import pytest
from command import add_mlflow_store, invoke, write_task
from openai_server import HANG, OpenAIServer
from watched_run import watched

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path.resolve()
    write_task(home)
    return home


def runs_in_mlflow(home: Path) -> int:
    """Parent runs in the project's MLflow store."""
    with sqlite3.connect(home / ".workbench" / "mlflow.db") as store:
        query = "SELECT count(*) FROM tags WHERE key = 'workbench.plan'"
        return int(store.execute(query).fetchone()[0])


def test_keys_record_run_again_and_quit(home: Path, empty_store: Path) -> None:
    add_mlflow_store(home, empty_store)
    with watched(home, "--wait", columns=100) as loop:
        loop.wait_for("watching qa; r: record in MLflow, Enter: run again, q: quit")
        loop.press("\n")
        loop.wait_for("run again: 4 stored")
        loop.save("loud.jinja", "user:\n{{ text | lower }}\n")
        text = loop.wait_for("  better: ")
        assert "prompts/qa/loud.jinja saved: " in text
        assert "loud, exact_match: 0.000 → 0.500" in text
        assert runs_in_mlflow(home) == 0
        loop.press("r")
        loop.wait_for("recorded in ")
        loop.press("x")  # no key of the loop
        loop.press("q")
        assert loop.end() == 0
    assert runs_in_mlflow(home) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_loop_and_its_results_are_recorded(
    home: Path, empty_store: Path, number: int
) -> None:
    add_mlflow_store(home, empty_store)
    with watched(home) as loop:
        loop.wait_for("watching qa; Ctrl-C ends the loop and records the results in MLflow")
        loop.save("plain.jinja", "user:\n{{ txt }}\n")
        loop.wait_for("unknown variable 'txt'")
        loop.process.send_signal(number)
        assert loop.end() == 0
        assert "recorded in sqlite:" in loop.text
    assert runs_in_mlflow(home) == 1


@pytest.mark.parametrize(
    ("columns", "keys"), [(0, "Ctrl-C ends the loop"), (80, "Enter: run again, q: quit")]
)
def test_without_tracking_no_record_is_offered(home: Path, columns: int, keys: str) -> None:
    with watched(home, "--tracking-uri", "none", columns=columns) as loop:
        loop.wait_for(f"watching qa; {keys}\n")
        loop.interrupt()
        assert loop.end() == 0


@pytest.mark.parametrize(("columns", "cell"), [(40, "loud     0.500 n=2"), (20, "loud, 2 rows")])
def test_the_results_fit_a_narrow_terminal(home: Path, columns: int, cell: str) -> None:
    with watched(home, "--tracking-uri", "none", columns=columns) as loop:
        loop.wait_for("watching qa")
        loop.save("loud.jinja", "user:\n{{ text | lower }}\n")
        text = loop.wait_for("  better: ")
        loop.press("q")
        loop.end()
    _, lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).split(" saved: ")
    table = lines.partition("loud, exact")[0].splitlines()
    assert cell in lines
    assert [line for line in table if len(line) > columns] == []


def test_the_terminal_is_as_it_was_before(home: Path) -> None:
    with watched(home, "--tracking-uri", "none", columns=80) as loop:
        before = termios.tcgetattr(loop.keyboard)[3]
        loop.wait_for("watching qa")
        during = termios.tcgetattr(loop.keyboard)[3]
        loop.press("q")
        loop.end()
        after = termios.tcgetattr(loop.keyboard)[3]
    assert (bool(before & termios.ICANON), bool(during & termios.ICANON)) == (True, False)
    assert after == before


def test_ctrl_c_during_a_run_keeps_the_answers(home: Path, server: OpenAIServer) -> None:
    experiment = (home / "prompts" / "qa" / "experiment.yaml").read_text()
    experiment = experiment.replace("echo:last", f'{{openai:m: {{base_url: "{server.url}"}}}}')
    (home / "prompts" / "qa" / "experiment.yaml").write_text(experiment)
    with watched(home, "--tracking-uri", "none", columns=100) as loop:
        loop.wait_for("watching qa")
        server.script = lambda path, body, nth: HANG
        loop.save("loud.jinja", "user:\n{{ text }}!\n")
        while server.in_flight < 2:
            time.sleep(0.02)
        loop.interrupt()
        loop.wait_for("Stopping after the calls in flight")
        loop.interrupt()
        assert loop.end() == 130


def test_two_loops_on_one_project_send_nothing_twice(home: Path, server: OpenAIServer) -> None:
    experiment = (home / "prompts" / "qa" / "experiment.yaml").read_text()
    experiment = experiment.replace("echo:last", f'{{openai:m: {{base_url: "{server.url}"}}}}')
    (home / "prompts" / "qa" / "experiment.yaml").write_text(experiment)
    with (
        watched(home, "--tracking-uri", "none") as first,
        watched(home, "--tracking-uri", "none") as second,
    ):
        for loop in (first, second):
            loop.wait_for("watching qa")
        for number in range(3):
            first.save("loud.jinja", f"user:\n{{{{ text }}}} {number}\n")
            for loop in (first, second):
                loop.wait_for("loud.jinja saved: ")
        for loop in (first, second):
            loop.interrupt()
            assert loop.end() == 0
    assert len(server.requests) == len({request.raw for request in server.requests}) == 10


@pytest.mark.parametrize(
    ("flag", "name"),
    [("--fresh", "--fresh"), ("--json", "--json"), ("--race", "--race"), ("--again", "--again")],
)
def test_flags_of_a_single_run_are_refused(home: Path, flag: str, name: str) -> None:
    ended = invoke(home, "run", "qa", "--watch", flag)
    assert ended.returncode == 2
    assert f"--watch and {name} don't go together" in ended.stdout + ended.stderr


def test_calls_without_a_limit_are_refused_before_anything_is_sent(home: Path) -> None:
    experiment = (home / "prompts" / "qa" / "experiment.yaml").read_text()
    (home / "prompts" / "qa" / "experiment.yaml").write_text(
        experiment.replace("echo:last", "openai:gpt-6-luna")
    )
    ended = invoke(home, "run", "qa", "--watch")
    assert ended.returncode == 2
    assert ended.stderr.startswith(
        "error: prompts/qa/experiment.yaml: each save would send calls that may cost money, to "
        "openai:gpt-6-luna\n  fix: add --max-cost 0.50 or --max-calls 500"
    )


def test_an_unknown_task_ends_at_once(home: Path) -> None:
    ended = invoke(home, "run", "qaa", "--watch")
    assert (ended.returncode, "did you mean 'qa'?" in ended.stderr) == (2, True)
