"""Recording in a process of its own: what ends it costs no answer, and it outlives nobody."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from openai_server import OpenAIServer, Script, hold, last_message
from processes import children
from record_contents import expected_record, stored_record
from recording import Recording

from workbench.completing.context import Stop
from workbench.errors import ExitCode, WorkbenchError
from workbench.run.pending import pending_invocations

pytestmark = [pytest.mark.slow]
ROWS = 40


def slowly(delay_s: float) -> Script:
    """Answers with what was said last."""
    return lambda path, body, nth: replace(last_message(path, body, nth), delay_s=delay_s)


@pytest.fixture
def apart(recording: Recording, server: OpenAIServer) -> Recording:
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": f"row {n % 3}"} for n in range(ROWS)]
    recording.bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    server.script = slowly(0.1)
    return replace(recording, apart=True)


def text(server: OpenAIServer) -> str:
    return (
        "dataset: {path: rows.jsonl, expected: label}\nprompts: [plain]\n"
        f'models: [openai:m: {{base_url: "{server.url}", concurrency: 2}}]\n'
        "evaluators: [exact_match, output_tokens]\n"
    )


def recording_process() -> int | None:
    """The recording process of this one."""
    for child in children(os.getpid()):
        with suppress(OSError):  # it has ended
            if b"workbench.tracking.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                return child
    return None


def test_it_holds_what_a_recording_in_our_own_process_would(
    apart: Recording, server: OpenAIServer
) -> None:
    done = apart.run(text(server))
    assert (done.exit_code, done.problems) == (ExitCode.DONE, ())
    assert stored_record(apart.client, done) == expected_record(done)
    assert done.variants[0].variant.prompt.version == 1
    assert apart.run(text(server)).recorded_before
    assert recording_process() is None


@contextmanager
def killer(server: OpenAIServer, times: int) -> Iterator[None]:
    """Kill the recording process so often, each time another one."""

    killed: set[int | None] = {None}

    def kill() -> None:
        while len(killed) <= times:
            while (process := recording_process()) in killed or len(server.requests) < ROWS // 2:
                time.sleep(0.02)
            assert process
            os.kill(process, signal.SIGKILL)
            killed.add(process)

    server.script = lambda path, body, nth: hold(
        last_message(path, body, nth), lambda: len(server.requests) < ROWS // 2 or len(killed) > 1
    )
    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield
    thread.join()


def test_another_process_takes_over_when_it_is_killed(
    apart: Recording, server: OpenAIServer
) -> None:
    with killer(server, times=1):
        done = apart.run(text(server))
    assert (done.exit_code, done.problems) == (ExitCode.DONE, ())
    assert stored_record(apart.client, done) == expected_record(done)
    assert {run.info.status for run in apart.runs()} == {"FINISHED"}
    assert (pending_invocations(apart.project), recording_process()) == ([], None)


def test_two_deaths_cost_no_answer_and_the_next_run_records_the_rest(
    apart: Recording, server: OpenAIServer
) -> None:
    with killer(server, times=2):
        done = apart.run(text(server))
    assert done.exit_code == ExitCode.NOT_RECORDED
    assert [problem.message for problem in done.problems] == [
        f"the recording process ended early: {ROWS} rows may be missing in MLflow"
    ]
    assert (done.variants[0].rows.scored, len(server.requests)) == (ROWS, ROWS)
    assert len(pending_invocations(apart.project)) == 1
    again = apart.run(text(server))
    assert (again.exit_code, len(server.requests)) == (ExitCode.DONE, ROWS)
    assert stored_record(apart.client, again) == expected_record(again)
    assert pending_invocations(apart.project) == []


@pytest.mark.parametrize("signals", [2, pytest.param(1, marks=pytest.mark.nightly)])
def test_a_run_that_is_interrupted_says_so_in_mlflow(
    apart: Recording, server: OpenAIServer, signals: int
) -> None:
    stop = Stop(drain_s=5)

    def ask() -> None:
        while not apart.runs() or len(server.requests) < ROWS // 2:
            time.sleep(0.05)
        for _ in range(signals):
            stop.request(signal.SIGINT)

    server.script = lambda path, body, nth: hold(
        last_message(path, body, nth),
        lambda: len(server.requests) < ROWS // 2 or bool(stop.signal),
    )
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    with pytest.raises(WorkbenchError) as caught:
        apart.run(text(server), stop=stop)
    asking.join()
    assert caught.value.exit_code == ExitCode.INTERRUPTED
    while recording_process() is not None:  # after the second signal it isn't waited for
        time.sleep(0.05)
    assert {run.info.status for run in apart.runs()} == {"KILLED"}
    assert {run.info.run_name[0] for run in apart.runs()} == {"✗"}
    server.script = slowly(0.0)
    done = apart.run(text(server))
    assert stored_record(apart.client, done) == expected_record(done)
    assert len(server.requests) == ROWS or signals == 2
