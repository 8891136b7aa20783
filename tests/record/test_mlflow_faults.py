"""An MLflow server that is slow, drops replies, hangs or is gone: nothing lost, nothing twice."""

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from bench import Bench, refusal
from mlflow import MlflowClient
from mlflow_server import MLflowServer
from openai_server import OpenAIServer, say
from proxy import Proxy, Request
from record_contents import expected_record, stored_record
from recording import Recording

from workbench.errors import ExitCode
from workbench.plan import Options
from workbench.run.pending import forget, pending_invocations
from workbench.run.summary import Invocation

pytestmark = [pytest.mark.slow]
FIX = (
    "the answers and scores are safe; the same command, or workbench sync, records what is missing"
)
RECORD = """\
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from bench import Bench
from recording import Recording
from workbench.prompt import Renderer
with Renderer() as renderer:
    bench = Bench(Path({root!r}), renderer)
    Recording(bench, bench.project, {uri!r}).run({text!r})
"""
CREATING = [
    "/experiments/create",
    "/registered-models/create",
    "/model-versions/create",
    "/runs/create",
    "/runs/log-batch",
    "/runs/log-inputs",
    "/api/3.0/mlflow/traces",
    "/v1/traces",
    "/mlflow-artifacts/",
]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses before a call is sent again, which MLflow's client does by itself."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")


class Team:
    """A project whose store is a server behind a proxy."""

    def __init__(self, bench: Bench, server: MLflowServer, proxy: Proxy) -> None:
        self.proxy = proxy
        self.recording = Recording(bench, bench.project, proxy.url)
        self.client = MlflowClient(server.store, server.store)
        self.name = f"e{uuid4().hex[:8]}"
        bench.write(f"{self.name}.jinja", "user:\n{{ text }}\n")
        bench.write(f"{self.name}_long.jinja", "system:\nSay it.\nuser:\n{{ text }}\n")
        bench.write("rows.jsonl", "".join(f'{{"text": "{n}", "label": "1"}}\n' for n in range(4)))
        self.text = (
            f"name: {self.name}\ndataset: {{path: rows.jsonl, expected: label}}\n"
            f"prompts: [{self.name}, {self.name}_long]\nmodels: [echo:last]\n"
            "evaluators: [exact_match, output_tokens]\n"
        )

    def run(self, **options: bool) -> Invocation:
        return self.recording.run(self.text, Options(**options))

    def in_step(self, done: Invocation) -> None:
        assert stored_record(self.client, done) == expected_record(done)
        assert pending_invocations(self.recording.project) == []


@pytest.fixture
def team(bench: Bench, mlflow_server: MLflowServer, proxy: Proxy) -> Team:
    return Team(bench, mlflow_server, proxy)


def test_a_server_that_works_holds_everything_once(team: Team) -> None:
    done = team.run()
    assert done.problems == ()
    team.in_step(done)
    again = team.run()
    assert again.recorded_before
    team.in_step(again)


def test_an_mlflow_that_hangs_holds_no_call_up(
    team: Team, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    answered: list[float] = []

    def script(path: str, body: dict, nth: int) -> object:
        answered.append(time.monotonic())
        return say("1")

    team.proxy.fault = lambda request: "hang"
    server.script = script
    model = f'[openai:small: {{base_url: "{server.url}"}}]'
    recording = replace(team.recording, apart=True)
    for _ in range(3):  # the machine itself may hold some of them up
        answered.clear()
        done = recording.run(team.text.replace("[echo:last]", model), Options(fresh=True))
        assert (len(answered), done.exit_code) == (8, ExitCode.NOT_RECORDED)
        if answered[-1] - answered[0] < 3:  # MLflow has not even been given up by then
            break
    assert answered[-1] - answered[0] < 3
    assert done.variants[0].metrics["exact_match"].mean == 1.0


def test_a_dead_server_costs_seconds_and_no_answer(team: Team) -> None:
    alive = team.recording
    team.recording = Recording(alive.bench, alive.project, "http://127.0.0.1:9")
    began = time.monotonic()
    done = team.run()
    assert time.monotonic() - began < 60
    assert done.exit_code == ExitCode.NOT_RECORDED
    assert done.variants[0].metrics["exact_match"].mean == 0.25
    assert [(problem.message, problem.fix) for problem in done.problems[1:]] == [
        ("8 of 8 rows are not recorded in MLflow", FIX)
    ]
    assert [pending.plan for pending in pending_invocations(alive.project)] == [done.plan.digest]
    team.recording = alive
    later = team.run()
    assert (later.exit_code, later.requests.sent) == (ExitCode.DONE, 0)
    assert [pending.tracking_uri for pending in pending_invocations(alive.project)] == [
        "http://127.0.0.1:9"
    ]
    forget(alive.project, done.plan.digest, "http://127.0.0.1:9")  # it is another store's
    team.in_step(later)


@pytest.mark.nightly
def test_two_projects_that_record_the_same_at_once_share_its_runs(
    team: Team, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(team.recording.bench.root / "prompts", other / "prompts")
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    processes = []
    for root in (team.recording.bench.root, other):
        code = RECORD.format(paths=paths, root=str(root), uri=team.proxy.url, text=team.text)
        processes.append(subprocess.Popen([sys.executable, "-c", code]))
    assert [process.wait() for process in processes] == [0, 0]
    done = team.run()
    assert done.problems == ()
    team.in_step(done)


def test_a_version_that_cannot_be_looked_up_is_refused_before_anything_is_sent(team: Team) -> None:
    for fault in ("hang", "503", "reset"):
        team.proxy.fault = lambda request, fault=fault: fault
        began = time.monotonic()
        message = refusal(team.recording.run, team.text.replace(f"[{team.name}", f"[{team.name}@3"))
        assert "the MLflow server doesn't answer" in message
        assert time.monotonic() - began < 30


@pytest.mark.nightly
@pytest.mark.parametrize("slow", [{12}, {1, 12}])
def test_five_seconds_for_a_reply_are_waited_for(team: Team, slow: set[int]) -> None:
    team.proxy.fault = lambda request: 5.0 if request.nth in slow else None
    done = team.run()
    assert done.problems == ()
    team.in_step(done)


@pytest.mark.parametrize("every", [2, pytest.param(3, marks=pytest.mark.nightly)])
@pytest.mark.parametrize(
    "fault",
    ["drop", *(pytest.param(fault, marks=pytest.mark.nightly) for fault in ("503", "reset"))],
)
def test_a_server_that_fails_now_and_then_holds_everything_once(
    team: Team, fault: str, every: int
) -> None:
    team.proxy.fault = lambda request: None if request.nth == 1 or request.nth % every else fault
    first = team.run()
    team.proxy.fault = lambda request: None
    done = first if first.exit_code == ExitCode.DONE else team.run()
    assert done.problems == ()
    team.in_step(done)


@pytest.mark.parametrize(
    "paths", [CREATING, *(pytest.param([path], marks=pytest.mark.nightly) for path in CREATING)]
)
def test_a_reply_that_got_lost_leaves_no_twin(team: Team, paths: list[str]) -> None:
    dropped = dict.fromkeys(paths, 0)

    def fault(request: Request) -> str | None:
        for path in paths:
            if request.method in ("POST", "PUT") and path in request.path and dropped[path] < 2:
                dropped[path] += 1
                return "drop"
        return None

    team.proxy.fault = fault
    for _ in paths:
        done = team.run()
        if done.exit_code == ExitCode.DONE:
            break
    else:
        done = team.run()
    assert set(dropped.values()) == {2}
    assert done.problems == ()
    team.in_step(done)


@pytest.mark.parametrize(
    "last", [0, *(pytest.param(last, marks=pytest.mark.nightly) for last in (9, 20, 33, 50))]
)
def test_a_server_that_never_returns_is_waited_for_once(
    team: Team, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call's patience, 3 × its time to reply, and at most three single ones to tidy up.

    A file that can't be written is tried twice, and each time the server is probed.

    The single ones are there as soon as a run is. Where traces are written already the calls are
    the four of a variant at a time, on the way and once more at the end; the other variant asks
    nothing before.
    """
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    team.proxy.fault = lambda request: "hang" if request.nth > last else None
    first = team.run()
    assert first.exit_code == ExitCode.NOT_RECORDED
    calls, single = (2 * 4 * 3 if last == 50 else 2 * (3 + 1)), (3 if last >= 33 else 0)
    assert len(team.proxy.requests) - last <= calls + single
    assert first.variants[0].metrics["exact_match"].mean == 0.25
    left = first.problems[-1]
    assert left.message.startswith(("8 of 8 rows are not recorded", "4 of 8 rows are not recorded"))
    assert left.fix == FIX
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT")
    team.proxy.fault = lambda request: None
    done = team.run()
    assert (done.problems, done.requests.sent) == ((), 0)
    team.in_step(done)


def test_what_mlflow_says_it_has_and_does_not_show_is_seen(team: Team) -> None:
    lies = ("/v1/traces", "/runs/log-batch")
    team.proxy.fault = lambda request: "lie" if request.path.endswith(lies) else None
    first = team.run()
    assert first.exit_code == ExitCode.NOT_RECORDED
    messages = {problem.message for problem in first.problems}
    assert {
        f"{team.name}: MLflow holds 0 of 8 spans",
        f"{team.name}_long: MLflow holds 0 of 8 spans",
    } <= messages
    assert any("MLflow shows another exact_match/mean" in message for message in messages)
    team.proxy.fault = lambda request: None
    done = team.run()
    assert done.problems == ()
    team.in_step(done)
