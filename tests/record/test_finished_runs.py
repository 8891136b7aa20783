"""A recorded run only gains answers, and shows what is derived from them now."""

import json
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from mlflow.entities import Run
from openai_server import OpenAIServer, Reply, say
from recording import Recording

from workbench.completing.context import Stop
from workbench.errors import WorkbenchError
from workbench.plan import Options
from workbench.project import Price, Project, ProjectFile
from workbench.run.stored_results import ResultCallbacks
from workbench.store import Store

ROWS = 10
LOST = Reply(400, {"error": {"message": "no"}})
State = tuple[str, str, Mapping[str, float], list[tuple[str, int]]]


@pytest.fixture
def finished(recording: Recording, server: OpenAIServer) -> tuple[Recording, str]:
    """A project whose run of two prompts is recorded; every other answer is right."""
    rows = [{"text": f"row {n}", "label": f"row {n}" if n % 2 else "x"} for n in range(ROWS)]
    recording.bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    recording.bench.write("long.jinja", "system:\nSay it.\nuser:\n{{ text }}\n")
    server.script = echo
    text = (
        "dataset: {path: rows.jsonl, expected: label}\nprompts: [plain, long]\n"
        f'models: [openai:m: {{base_url: "{server.url}"}}]\nevaluators: [exact_match]\n'
    )
    recording.run(text)
    return recording, text


def echo(path: str, body: dict[str, Any], nth: int) -> Reply:
    return say(body["messages"][-1]["content"])


def failing_rows(*numbers: int) -> Callable[[str, dict[str, Any], int], Reply]:
    texts = {f"row {number}" for number in numbers}

    def answer(path: str, body: dict[str, Any], nth: int) -> Reply:
        text = body["messages"][-1]["content"]
        return LOST if text in texts else say(text)

    return answer


def states(recording: Recording) -> dict[str, State]:
    """Of each run its name, status, metrics, and the answers that its traces show."""
    return {run.info.run_id: state(recording, run) for run in recording.runs()}


def state(recording: Recording, run: Run) -> State:
    traces = [
        (trace.info.response_preview, len(trace.info.assessments))
        for trace in recording.traces(run)
    ]
    return run.info.run_name, run.info.status, run.data.metrics, traces


def ends(recording: Recording, done: Any) -> list[tuple[str, str]]:
    """Name and status of the variants' runs, then of the parent."""
    ids = [*(variant.run_id for variant in done.variants), done.parent_run_id]
    infos = [recording.client.get_run(run_id).info for run_id in ids]
    return [(info.run_name, info.status) for info in infos]


FINISHED = [("plain", "FINISHED"), ("long", "FINISHED"), ("2 prompts · m", "FINISHED")]
FAILED = [("✗ plain", "FAILED"), ("✗ long", "FAILED"), ("✗ 2 prompts · m", "FAILED")]


@pytest.mark.parametrize("max_calls", [1, 5])
def test_a_finished_record_stays_when_a_fresh_one_stops_at_its_budget(
    finished: tuple[Recording, str], max_calls: int
) -> None:
    recording, text = finished
    before = states(recording)
    partial = recording.run(text, Options(fresh=True), max_calls=max_calls)
    after = states(recording)
    assert {run_id: after[run_id] for run_id in before} == before
    assert partial.parent_run_id not in before
    assert ends(recording, partial) == FAILED
    whole = recording.run(text)
    assert whole.parent_run_id == partial.parent_run_id
    assert ends(recording, whole) == FINISHED
    for variant in whole.variants:
        run = recording.client.get_run(variant.run_id)
        assert (run.data.metrics["exact_match/mean"], len(recording.traces(run))) == (0.5, ROWS)
    after = states(recording)
    assert {run_id: after[run_id] for run_id in before} == before
    assert recording.run(text).recorded_before


def test_a_fresh_run_without_an_answer_records_nothing(finished: tuple[Recording, str]) -> None:
    recording, text = finished
    before = states(recording)
    assert recording.run(text, Options(fresh=True), max_calls=0).parent_run_id == ""
    assert states(recording) == before


def test_a_finished_record_stays_when_a_fresh_one_is_interrupted(
    finished: tuple[Recording, str], server: OpenAIServer
) -> None:
    recording, text = finished
    before = states(recording)
    stop = Stop()

    def interrupt(path: str, body: dict[str, Any], nth: int) -> Reply:
        if len(server.requests) > 2 * ROWS + 3:
            stop.signal, stop.requested = signal.SIGINT, True
        return echo(path, body, nth)

    server.script = interrupt
    with pytest.raises(WorkbenchError, match="interrupted"):
        recording.run(text, Options(fresh=True), stop)
    after = states(recording)
    assert {run_id: after[run_id] for run_id in before} == before
    new = {run_id: after[run_id][:2] for run_id in after.keys() - before.keys()}
    assert sorted(new.values()) == [
        ("✗ 2 prompts · m", "KILLED"),
        ("✗ long", "KILLED"),
        ("✗ plain", "KILLED"),
    ]
    whole = recording.run(text)
    assert {whole.parent_run_id, *(v.run_id for v in whole.variants)} == new.keys()
    assert ends(recording, whole) == FINISHED


def test_a_finished_record_stays_when_the_store_loses_answers(
    finished: tuple[Recording, str], server: OpenAIServer
) -> None:
    recording, text = finished
    before = states(recording)
    for file in recording.project.store.glob("store.db*"):
        file.unlink()
    shutil.rmtree(recording.project.store / "acknowledged", ignore_errors=True)
    (recording.project.store / "acknowledged").unlink(missing_ok=True)
    server.script = lambda path, body, nth: say("other")
    recording.run(text, max_calls=3)
    whole = recording.run(text)
    after = states(recording)
    assert {run_id: after[run_id] for run_id in before} == before
    assert whole.parent_run_id not in before
    assert ends(recording, whole) == FINISHED


class PrunedStore(ResultCallbacks):
    """Removes all answers before they are recorded."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def show(self, variants: object) -> None:
        with Store(self._project.store) as store:
            store.database.write([("DELETE FROM completions", [()])])


def test_answers_removed_before_they_are_recorded_are_named_and_no_run_stays_at_running(
    finished: tuple[Recording, str],
) -> None:
    recording, text = finished
    before = states(recording)
    pruned = replace(recording, callbacks=PrunedStore(recording.project))
    done = pruned.run(text, Options(again=True))
    assert (done.exit_code, done.problems[0].message) == (
        6,
        f"plain: the store has answers to 0 of {ROWS} rows: the others were removed while the run "
        "was recorded",
    )
    after = states(recording)
    new = [after[run_id][:2] for run_id in after.keys() - before.keys()]
    assert sorted(new) == sorted(FAILED)


def test_answers_that_another_invocation_replaced_get_runs_of_their_own(
    finished: tuple[Recording, str], server: OpenAIServer
) -> None:
    recording, text = finished
    before = states(recording)
    server.script = lambda path, body, nth: say("other")
    recording.run(text.replace("[plain, long]", "[plain]"), Options(fresh=True))
    whole = recording.run(text)
    after = states(recording)
    assert {run_id: after[run_id] for run_id in before} == before
    assert (whole.requests.sent, whole.parent_run_id in before) == (0, False)
    assert ends(recording, whole) == FINISHED


def test_failed_rows_mark_a_run_until_they_are_answered(
    finished: tuple[Recording, str], server: OpenAIServer
) -> None:
    recording, text = finished
    recording.bench.write("rows.jsonl", (recording.bench.task / "rows.jsonl").read_text() * 2)
    recording.bench.write("long.jinja", "system:\nShort.\nuser:\n{{ text }}\n")
    recording.bench.write("plain.jinja", "system:\nPlain.\nuser:\n{{ text }}\n")
    server.script = failing_rows(2, 5)
    failed = recording.run(text)
    assert ends(recording, failed) == FAILED
    metrics = recording.client.get_run(failed.variants[0].run_id).data.metrics
    assert (metrics["rows/failed"], metrics["rows/scored"]) == (4.0, 16.0)
    server.script = echo
    stopped = recording.run(text, Options(retry_failed=True), max_calls=1)
    assert [stopped.parent_run_id, ends(recording, stopped)] == [failed.parent_run_id, FAILED]
    whole = recording.run(text, Options(retry_failed=True))
    assert [whole.parent_run_id, ends(recording, whole)] == [failed.parent_run_id, FINISHED]


def test_max_failed_decides_of_a_variant_and_of_the_invocation(
    finished: tuple[Recording, str], server: OpenAIServer
) -> None:
    recording, text = finished
    recording.bench.write("long.jinja", "system:\nShort.\nuser:\n{{ text }}\n")
    recording.bench.write("plain.jinja", "system:\nPlain.\nuser:\n{{ text }}\n")
    server.script = failing_rows(2, 5)
    done = recording.run(f"{text}max_failed: 3\n")
    assert ends(recording, done) == [*FINISHED[:2], ("✗ 2 prompts · m", "FAILED")]
    tolerated = recording.run(f"{text}max_failed: 4\n")
    assert [tolerated.parent_run_id, ends(recording, tolerated)] == [done.parent_run_id, FINISHED]
    strict = recording.run(text)
    assert ends(recording, strict) == FAILED


def test_a_limit_leaves_no_row_out(finished: tuple[Recording, str]) -> None:
    recording, text = finished
    done = recording.run(text, Options(replace(Options().scope, limit=4)))
    names = ["plain", "long", "2 prompts · m (limit 4)"]
    assert ends(recording, done) == [(name, "FINISHED") for name in names]


EDITS = {
    "baseline": ("", "baseline: plain\n"),
    "another baseline": ("baseline: plain\n", "baseline: long\n"),
    "margin": ("baseline: plain\nmargin: 0.5\n", "baseline: plain\nmargin: 0.01\n"),
    "gate": ("gate: {exact_match: {min: 0.4}}\n", "gate: {exact_match: {min: 0.9}}\n"),
    "max_failed": ("", "max_failed: 2\n"),
    "description": ("", "description: what it is for\n"),
}


@pytest.mark.parametrize(("before", "after"), EDITS.values(), ids=EDITS.keys())
def test_what_is_derived_is_written_again(
    finished: tuple[Recording, str], before: str, after: str
) -> None:
    recording, text = finished
    first = recording.run(text + before)
    answers = {run_id: shown[3] for run_id, shown in states(recording).items()}
    done = recording.run(text + after)
    assert (done.recorded_before, done.requests.sent) == (False, 0)
    assert done.parent_run_id == first.parent_run_id
    assert {run_id: shown[3] for run_id, shown in states(recording).items()} == answers
    for run_id in (done.parent_run_id, *(variant.run_id for variant in done.variants)):
        recorded = recording.artifact(run_id, "experiment.yaml")
        assert all(line.split(":")[0] in recorded for line in after.splitlines())
    for variant in done.variants:
        results = json.loads(recording.artifact(variant.run_id, "results.json"))
        comparisons = {name: each.baseline for name, each in variant.comparisons.items()}
        recorded_baselines = {n: c["baseline"] for n, c in results["comparisons"].items()}
        assert recorded_baselines == comparisons
    assert recording.run(text + after).recorded_before


def test_a_comparison_that_is_no_longer_made_is_deleted(finished: tuple[Recording, str]) -> None:
    recording, text = finished
    compared = recording.run(f"{text}baseline: plain\n")
    recording.client.log_text(compared.parent_run_id, "verdicts", "comparison.html")
    recording.client.log_text(compared.parent_run_id, "chart", "figures/exact_match.png")
    done = recording.run(text)
    files = {file.path for file in recording.client.list_artifacts(done.parent_run_id)}
    assert not files & {"comparison.html", "figures"}


def test_a_new_price_is_written_to_runs_and_traces(finished: tuple[Recording, str]) -> None:
    recording, text = finished
    again = recording.run(text, Options(again=True))  # it shows the traces of the first
    for dollars in (3.0, 1.0):
        prices = {"openai:m": Price(input=dollars, output=0)}
        project = Project(recording.project.root, ProjectFile(prices=prices))
        priced = replace(recording, project=project)
        done = priced.run(text)
        assert (done.recorded_before, done.parent_run_id) == (False, again.parent_run_id)
        for variant in done.variants:
            run = recording.client.get_run(variant.run_id)
            traces = recording.traces(run)
            costs = [json.loads(t.info.trace_metadata["mlflow.trace.cost"]) for t in traces]
            assert run.data.metrics["cost"] == pytest.approx(variant.cost)
            assert len(traces) == ROWS
            assert sum(cost["total_cost"] for cost in costs) == pytest.approx(variant.cost)
        assert priced.run(text).recorded_before
