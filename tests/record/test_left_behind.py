"""What people delete in MLflow, and what MLflow leaves of it, never stops a recording."""

from collections.abc import Callable

import pytest
from record_contents import expected_record, stored_record
from recording import Recording

from workbench.run.summary import Invocation

EXPERIMENT = """\
dataset: {path: rows.jsonl, expected: label}
prompts: [plain]
models: [echo:last]
evaluators: [exact_match]
"""
ROWS = '{"id": "r1", "text": "a", "label": "a"}\n{"id": "r2", "text": "b", "label": "a"}\n'


@pytest.fixture(params=["bulk", "client"])
def left(
    recording: Recording, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Recording:
    """A project whose traces are written straight into the tables, or by MLflow's client."""
    monkeypatch.setenv("MLFLOW_SQL_TRACE_ROLLUPS_ENABLED", str(request.param == "client").lower())
    recording.bench.write("rows.jsonl", ROWS)
    return recording


def delete_traces(recording: Recording, done: Invocation) -> None:
    for variant in done.variants:
        traces = recording.traces(variant.run_id)
        ids = [trace.info.trace_id for trace in traces]
        recording.client.delete_traces(done.experiment_id, trace_ids=ids)


def delete_a_trace(recording: Recording, done: Invocation) -> None:
    (trace, *_) = recording.traces(done.variants[0].run_id)
    recording.client.delete_traces(done.experiment_id, trace_ids=[trace.info.trace_id])


def delete_child(recording: Recording, done: Invocation) -> None:
    recording.client.delete_run(done.variants[0].run_id)


def delete_all(recording: Recording, done: Invocation) -> None:
    delete_traces(recording, done)
    delete_child(recording, done)
    recording.client.delete_run(done.parent_run_id)


def delete_and_restore(recording: Recording, done: Invocation) -> None:
    delete_all(recording, done)
    for run_id in (done.parent_run_id, done.variants[0].run_id):
        recording.client.restore_run(run_id)


def empty_the_trash(recording: Recording, done: Invocation) -> None:
    delete_all(recording, done)
    for run_id in (done.parent_run_id, done.variants[0].run_id):
        recording.client._tracking_client.store._hard_delete_run(run_id)


def restore_experiment(recording: Recording, done: Invocation) -> None:
    delete_traces(recording, done)
    recording.client.delete_experiment(done.experiment_id)
    recording.client.restore_experiment(done.experiment_id)


def empty_the_trash_of_experiments(recording: Recording, done: Invocation) -> None:
    recording.client.delete_experiment(done.experiment_id)
    recording.client._tracking_client.store._hard_delete_experiment(done.experiment_id)


def delete_prompt_version(recording: Recording, done: Invocation) -> None:
    delete_traces(recording, done)
    recording.client.delete_prompt_version("qa.plain", "1")


@pytest.mark.parametrize(
    "act",
    [
        delete_traces,
        delete_a_trace,
        delete_child,
        delete_all,
        delete_and_restore,
        delete_prompt_version,
        empty_the_trash,
        restore_experiment,
        empty_the_trash_of_experiments,
    ],
)
def test_what_was_deleted_is_recorded_again(
    left: Recording, act: Callable[[Recording, Invocation], None]
) -> None:
    first = left.run(EXPERIMENT)
    act(left, first)
    for run in left.runs():  # as if its recording had not been completed
        left.client.set_tag(run.info.run_id, "workbench.rows", "-")
    done = left.run(EXPERIMENT)
    assert done.problems == ()
    assert stored_record(left.client, done) == expected_record(done)
