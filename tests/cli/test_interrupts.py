"""Signals and lost terminals: completions are stored, and the same command continues."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from command import WORKBENCH, add_mlflow_store, environment
from openai_server import HANG, OpenAIServer, Reply, answer, hold, last_message
from processes import completion_count, wait_for, wait_until_stopping

from workbench.errors import cost_text

ROWS = 40
SLOW = 0.4  # seconds that each answer takes
LIMIT_S = 200  # for a command, which only a test that fails waits for


@pytest.fixture
def home(tmp_path: Path, server: OpenAIServer, empty_store: Path) -> Path:
    """A project whose run takes about four seconds of waiting, four requests at a time."""
    task = tmp_path / "prompts" / "qa"
    task.mkdir(parents=True)
    (task / "rows.jsonl").write_text(
        "\n".join(json.dumps({"text": f"row {n}", "label": f"row {n}"}) for n in range(ROWS))
    )
    (task / "plain.jinja").write_text("user:\n{{ text }}\n")
    (task / "experiment.yaml").write_text(
        "dataset: {path: rows.jsonl, expected: label}\n"
        "prompts: [plain]\n"
        f'models: [{{"openai:m": {{base_url: "{server.url}", concurrency: 4}}}}]\n'
        "parameters: {max_tokens: 10}\n"
        "evaluators: [exact_match]\n"
    )
    (tmp_path / "workbench.yaml").write_text('prices: {"openai:m": {input: 1.0, output: 10.0}}\n')
    add_mlflow_store(tmp_path, empty_store)
    server.script = slowly
    return tmp_path


def slowly(path: str, body: dict, nth: int) -> Reply:
    return Reply(body=answer(body["messages"][-1]["content"]), delay_s=SLOW)


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start runs; those that still run at the end of the test are killed."""
    begun: list[subprocess.Popen[str]] = []

    def run(
        *words: str,
        recorded: bool = False,
        command: Sequence[str] = WORKBENCH,
        **more: object,
    ) -> "subprocess.Popen[str]":
        clean = environment() if recorded else environment(MLFLOW_TRACKING_URI="none")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the suite may be under nohup
        try:
            begun.append(
                subprocess.Popen([*command, "run", *words], cwd=home, env=clean, text=True, **pipes)
            )
        finally:
            signal.signal(signal.SIGHUP, inherited)
        return begun[-1]

    yield run
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.wait()


def billed(server: OpenAIServer) -> Counter[str]:
    """The number of requests of each row."""
    return Counter(body["messages"][-1]["content"] for body in server.bodies)


def rows(home: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(home / ".workbench" / "store.db")) as db:
        return db.execute(query).fetchall()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)],
    ids=lambda value: getattr(value, "name", value),
)
def test_first_signal_lets_calls_under_way_end_and_keeps_them(home, server, start, number, code):
    stops = threading.Event()
    server.script = lambda path, body, nth: hold(
        last_message(path, body, nth), lambda: len(server.requests) <= 8 or stops.is_set()
    )
    run = start(recorded=number == signal.SIGINT)
    wait_for(lambda: len(server.requests) >= 9)
    run.send_signal(number)
    wait_until_stopping(run)
    stops.set()
    _, err = run.communicate(timeout=LIMIT_S)
    sent = len(server.requests)
    assert run.returncode == code
    assert err.splitlines()[-2:] == [
        f"error: interrupted: {sent} requests were answered and kept, {ROWS - sent} are left",
        "  fix: the same command continues from there",
    ]
    assert sent < ROWS
    assert rows(home, "SELECT count(*) FROM completions") == [(sent,)]
    assert rows(home, "SELECT (SELECT count(*) FROM intents), (SELECT count(*) FROM calls)") == [
        (0, 0)
    ]
    server.script = last_message
    again = start()
    again.communicate(timeout=LIMIT_S)
    assert (again.returncode, set(billed(server).values()), len(billed(server))) == (0, {1}, ROWS)


def ended_after(seconds: float) -> list[str]:
    """The command, ended this long after a second signal, however far it has come by then."""
    code = "from workbench.cli import main, signals; signals.EXIT_DELAY_S = {}; main()"
    return [sys.executable, "-c", code.format(seconds)]


def test_second_signal_gives_up_the_calls_in_flight_and_names_what_is_unknown(home, server, start):
    server.script = lambda path, body, nth: (
        HANG if int(body["messages"][-1]["content"].split()[1]) >= 4 else slowly(path, body, nth)
    )
    run = start(recorded=True, command=ended_after(LIMIT_S))  # as on a machine that is not busy
    wait_for(lambda: server.in_flight == 4 and len(server.requests) == 8)
    wait_for(lambda: completion_count(home / ".workbench") == 4)
    run.send_signal(signal.SIGINT)
    wait_until_stopping(run)
    run.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, err = run.communicate(timeout=LIMIT_S)
    assert time.monotonic() - begun < 20  # a second; more on a busy machine, but not drain_s
    assert run.returncode == 130
    keys = [key for (key,) in rows(home, "SELECT key FROM calls ORDER BY key")]
    size = len(json.dumps(server.bodies[-1], separators=(",", ":")))
    most = cost_text(4 * (size * 1.0 + 10 * 10.0) / 1e6)
    named = ", ".join(key[:12] for key in keys[:3])
    assert err.splitlines()[-2] == (
        "error: interrupted: 4 requests were answered and kept, 36 are left; 4 calls were in "
        f"flight when their run ended and may have cost up to USD {most}; their outcome is "
        f"unknown: {named} and 1 more (workbench store stats lists them)"
    )
    assert rows(home, "SELECT DISTINCT outcome, reason FROM calls") == [
        ("unknown", "the run ended before the call did")
    ]
    server.script = last_message
    again = start()
    again.communicate(timeout=LIMIT_S)
    assert again.returncode == 0
    twice = {text for text, times in billed(server).items() if times == 2}
    assert (len(billed(server)), twice) == (ROWS, {f"row {n}" for n in range(4, 8)})


def test_second_signal_ends_a_run_that_is_too_slow_to_end_itself(home, server, start):
    server.script = lambda path, body, nth: HANG
    run = start(command=ended_after(0))
    wait_for(lambda: server.in_flight == 4)
    run.send_signal(signal.SIGTERM)
    wait_until_stopping(run)
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 143
    assert "Stopped. The outcome of the calls in flight is unknown." in err
    server.script = last_message
    again = start()
    _, err = again.communicate(timeout=LIMIT_S)
    assert again.returncode == 0
    assert "4 calls were in flight when their run ended" in err


def test_calls_that_never_end_are_given_up_after_the_time_to_drain(home, server, start):
    with (home / "workbench.yaml").open("a") as file:
        file.write("drain_s: 0.5\n")
    server.script = lambda path, body, nth: HANG
    run = start()
    wait_for(lambda: server.in_flight == 4)
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=50)  # less than the 60 s that it has without drain_s
    assert run.returncode == 143
    assert "0 requests were answered and kept, 40 are left; 4 calls were in flight" in err


def test_a_run_whose_calls_were_killed_says_so_when_it_goes_on(home, server, start):
    server.script = lambda path, body, nth: (
        HANG if len(server.requests) > 20 else slowly(path, body, nth)
    )
    run = start()
    wait_for(lambda: len(server.requests) >= 9)
    run.kill()
    run.communicate(timeout=LIMIT_S)
    server.script = last_message
    again = start()
    _, err = again.communicate(timeout=LIMIT_S)
    assert again.returncode == 0
    (unknown,) = rows(home, "SELECT count(*) FROM calls WHERE outcome = 'unknown'")[0]
    assert 1 <= unknown <= 12  # four under way; what was received and not yet durable
    assert f"{unknown} calls were in flight when their run ended and may have cost up to" in err
    assert sum(billed(server).values()) <= ROWS + unknown


def test_a_run_goes_on_when_nobody_reads_what_it_says(home, server, start):
    run = start()
    assert run.stderr is not None
    assert run.stdout is not None
    wait_for(lambda: len(server.requests) >= 1)
    run.stderr.close()
    run.stdout.close()
    assert run.wait(timeout=LIMIT_S) == 0
    assert rows(home, "SELECT count(*) FROM completions") == [(ROWS,)]


def test_a_reader_that_has_seen_enough_is_no_error(home, server, start):
    server.script = last_message
    run = start("--json")
    head = subprocess.Popen(["head", "-c", "1"], stdin=run.stdout, stdout=subprocess.PIPE)
    assert run.stdout is not None
    run.stdout.close()
    head.communicate(timeout=LIMIT_S)
    assert run.stderr is not None
    assert "Traceback" not in run.stderr.read()
    assert run.wait(timeout=LIMIT_S) == 0


def test_a_full_log_disk_costs_no_answer(home, server, start):
    server.script = last_message
    with Path("/dev/full").open("w") as full:
        run = start(stderr=full, recorded=True)
        assert run.wait(timeout=LIMIT_S) == 0
    assert rows(home, "SELECT count(*) FROM completions") == [(ROWS,)]


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "2>&-"])
def test_closed_streams_cost_no_answer(home, server, start, holder, closed):
    server.script = last_message
    command = [*_closing(closed), *WORKBENCH, "run", "--tracking-uri=none"]
    held = environment(**holder) if closed == "2>&-" else environment()
    ended = subprocess.run(command, cwd=home, env=held, timeout=LIMIT_S, check=False)
    assert ended.returncode == 0
    assert rows(home, "SELECT count(*) FROM completions") == [(ROWS,)]


@pytest.fixture
def holder(tmp_path: Path) -> dict[str, str]:
    """Variables with which Python opens a file before Workbench begins, as some packages do."""
    (tmp_path / "sitecustomize.py").write_text(f"held = open({str(tmp_path / 'held')!r}, 'a')\n")
    return {"PYTHONPATH": str(tmp_path)}


def _closing(streams: str) -> list[str]:
    """Words before a command that begins with these streams closed."""
    return ["/bin/sh", "-c", f'"$@" {streams}', "sh"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize(("word", "code"), [("--version", 0), ("--unknown", 2)])
def test_a_file_that_got_the_number_of_a_closed_stream_is_not_written(
    tmp_path, holder, closed, word, code
):
    ended = subprocess.run(
        [*_closing(closed), *WORKBENCH, word],
        env=environment(**holder),
        timeout=LIMIT_S,
        check=False,
    )
    assert ended.returncode == code
    assert (tmp_path / "held").read_text() == ""


def test_results_that_can_not_be_written_are_said_to_be_lost(home, server, start):
    server.script = last_message
    with Path("/dev/full").open("w") as full:
        run = start("--json", stdout=full)
        _, err = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 5
    assert err.splitlines()[-1] == "error: stdout can't be written: No space left on device"
    assert rows(home, "SELECT count(*) FROM completions") == [(ROWS,)]
