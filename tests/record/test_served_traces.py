"""Served requests in MLflow: what its pages show of them, and each once whatever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest
from mlflow.entities import Trace, TraceState
from mlflow_server import MLflowServer
from processes import PATIENCE_S, children, gone, wait_for
from proxy import Proxy
from served_calls import NAMES, call, request_id
from stored_traces import stored_traces

from workbench.secrets import Redactor
from workbench.serving.traces.folder_outbox import open_outbox
from workbench.serving.traces.segments import last_number
from workbench.serving.traces.sent_state import read_state
from workbench.serving.traces.trace_settings import TraceSettings
from workbench.serving.traces.types import ServedFeedback

TESTS = Path(__file__).parents[1]


@contextmanager
def traced(folder: Path, uri: str, numbers: range) -> Iterator["subprocess.Popen[str]"]:
    """The process of `traced_server`, killed at the end."""
    words = [folder, uri, numbers.start, numbers.stop, 1.0]
    with (folder.parent / "messages.txt").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, str(TESTS / "traced_server.py"), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": f"{TESTS}:{TESTS.parent}"},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def answered(process: "subprocess.Popen[str]", count: int) -> set[int]:
    """The next `count` numbers that it has answered, or all of them."""
    assert process.stdout
    numbers: set[int] = set()
    for line in process.stdout:
        if line == "done\n":
            break
        numbers.add(int(line))
        if len(numbers) == count:
            break
    return numbers


def serve_with_kills(
    folder: Path, uri: str, count: int, stop: Callable[[], None], start: Callable[[], None]
) -> set[str]:
    """Serve requests while MLflow is gone for the middle third, and the server and its sender die.

    Returns the ids of all that were answered.
    """
    third = count // 3
    with traced(folder, uri, range(count)) as server:
        numbers = answered(server, third)
        stop()
        numbers |= answered(server, third // 2)
        server.kill()  # SIGKILL
        assert server.stdout
        numbers |= {int(line) for line in server.stdout.read().split() if line != "done"}
    rest = range(max(numbers) + 1, count)
    with traced(folder, uri, rest) as server:
        numbers |= answered(server, 2 * third - len(numbers))
        (sender,) = children(server.pid)
        start()
        sent = read_state(folder).written
        wait_for(lambda: read_state(folder).written > sent)
        os.kill(sender, signal.SIGKILL)
        numbers |= answered(server, count)
        last = last_number(folder)
        end = time.monotonic() + PATIENCE_S + count
        while read_state(folder).position.number < last:
            assert time.monotonic() < end, "MLflow didn't get everything"
            time.sleep(0.1)
        assert gone(sender)
    assert numbers == set(range(count))
    return {request_id(number) for number in numbers}


def check_each_once(uri: str, answered_ids: set[str]) -> None:
    stored = stored_traces(uri, "triage production")
    ids = [trace.info.client_request_id for trace in stored]
    assert sorted(ids) == sorted(answered_ids)
    assert {len(trace.data.spans) for trace in stored} == {2}
    assert {trace.info.trace_id for trace in stored} == {f"tr-{each[4:]}" for each in ids}


def test_each_answered_request_is_in_mlflow_once_though_everything_dies(
    tmp_path: Path, mlflow_server: MLflowServer, proxy: Proxy
) -> None:
    def stop() -> None:
        proxy.fault = lambda request: "reset"

    def start() -> None:
        proxy.fault = lambda request: None

    ids = serve_with_kills(tmp_path / "outbox", proxy.url, 60, stop, start)
    check_each_once(mlflow_server.url, ids)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_ten_thousand_requests_with_a_server_of_mlflow_that_is_stopped(
    tmp_path: Path, empty_store: Path
) -> None:
    with MLflowServer(tmp_path, empty_store) as server:
        ids = serve_with_kills(tmp_path / "outbox", server.url, 10_000, server.kill, server.start)
        check_each_once(server.url, ids)


@pytest.fixture
def store(tmp_path: Path, empty_store: Path) -> str:
    file = tmp_path / "mlflow.db"
    file.write_bytes(empty_store.read_bytes())
    mlflow.set_tracking_uri(f"sqlite:///{file}")
    return f"sqlite:///{file}"


def test_a_trace_has_what_mlflow_pages_show_and_feedback_as_it_was_given_last(
    tmp_path: Path, store: str
) -> None:
    mlflow.genai.register_prompt("triage.v2", [{"role": "user", "content": "{{ ticket }}"}])
    messages: list[str] = []
    settings = TraceSettings(tmp_path / "outbox", store, "triage production")
    outbox = open_outbox(settings, Redactor(), messages.append)
    outbox.add(call(1))
    outbox.add(call(2, failed=True))
    several = replace(call(3), answers=call(3).answers * 2, route="/invocations")
    outbox.add(replace(several, names=replace(NAMES, prompt_uri="", model_id="")))
    feedback = ServedFeedback(request_id(1), False, rationale="wrong team", source="ada")
    outbox.add_feedback(feedback)
    outbox.add_feedback(feedback)  # the client tried again
    outbox.add_feedback(replace(feedback, value=True, rationale=""))
    outbox.add_feedback(replace(feedback, source="bob", caller="app"))
    outbox.add_feedback(replace(feedback, name="stars", value=4.0))
    outbox.add_feedback(ServedFeedback(request_id(99), True))  # no such request
    wait_for(lambda: not outbox.counts().backlog)
    outbox.close(60.0)
    assert (outbox.counts().written, outbox.counts().refused) == (8, 1)
    assert len(messages) == 1
    assert "MLflow refuses a trace or feedback" in messages[0]

    by_id = {
        trace.info.client_request_id: trace for trace in stored_traces(store, "triage production")
    }
    trace = by_id[request_id(1)]
    assert trace.info.trace_id == f"tr-{request_id(1)[4:]}"
    assert trace.info.state == TraceState.OK
    assert (trace.info.request_preview, trace.info.response_preview) == ("ticket 1", "billing")
    assert trace.info.token_usage == {
        "input_tokens": 120,
        "output_tokens": 3,
        "total_tokens": 123,
    }
    metadata, tags = trace.info.trace_metadata, trace.info.tags
    assert (metadata["mlflow.modelId"], metadata["mlflow.trace.user"]) == ("m-0123", "app")
    assert {name: value for name, value in tags.items() if name.startswith("workbench.")} == {
        "workbench.alias": "production",
        "workbench.caller": "app",
        "workbench.evaluation_run": "9a",
        "workbench.model_version": "triage.model/3",
        "workbench.route": "/v1/chat/completions",
        "workbench.states": "ok",
        "workbench.status": "200",
        "workbench.variant": "v2 · gpt-6-luna",
    }
    root, model_call = trace.data.spans
    assert (root.name, root.inputs, root.outputs) == (
        "/v1/chat/completions",
        {"ticket": "ticket 1"},
        "billing",
    )
    assert (model_call.name, model_call.parent_id) == ("gpt-6-luna-2026", root.span_id)
    assert model_call.inputs["messages"] == [{"role": "user", "content": "ticket 1"}]
    assert model_call.outputs["choices"][0]["message"]["content"] == "billing"

    failed = by_id[request_id(2)]
    assert failed.info.state == TraceState.ERROR
    assert failed.info.response_preview == "HTTP 500"
    assert [len(by_id[request_id(n)].data.spans) for n in (1, 2, 3)] == [2, 2, 3]
    assert by_id[request_id(3)].data.spans[0].outputs == ["billing", "billing"]
    linked = stored_traces(store, "triage production", "prompt = 'triage.v2/1'")
    assert {t.info.client_request_id for t in linked} == {request_id(1), request_id(2)}
    assert _opinions(trace) == {
        ("user_feedback", True, None, "ada"),
        ("user_feedback", False, "wrong team", "bob"),
        ("stars", 4.0, "wrong team", "ada"),
    }
    assert len(trace.info.assessments) == 3
    assert {a.source.source_type for a in trace.info.assessments} == {"HUMAN"}


def _opinions(trace: Trace) -> set[tuple[Any, ...]]:
    return {
        (a.name, a.value, a.rationale or None, a.source.source_id) for a in trace.info.assessments
    }


def test_what_was_sent_before_a_crash_is_sent_again_without_a_trace_of_it(
    tmp_path: Path, store: str
) -> None:
    settings = TraceSettings(tmp_path / "outbox", store, "triage production")
    outbox = open_outbox(settings, Redactor(), print)
    for number in range(5):
        outbox.add(call(number))
    outbox.add_feedback(ServedFeedback(request_id(1), False))
    wait_for(lambda: not outbox.counts().backlog)
    outbox.close(60.0)
    before = [trace.to_dict() for trace in stored_traces(store, "triage production")]
    (tmp_path / "outbox" / "sent.json").unlink()  # it died before it wrote that
    again = open_outbox(settings, Redactor(), print)
    wait_for(lambda: again.counts().written == 6)
    again.close(60.0)
    assert [trace.to_dict() for trace in stored_traces(store, "triage production")] == before
