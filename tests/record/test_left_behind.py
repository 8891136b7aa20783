"""What people delete in MLflow, and what a killed process leaves there, stops no recording."""

import os
import shutil
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from record_contents import expected_record, stored_record
from recording import Recording

from workbench.plan import Options
from workbench.run.summary import Invocation
from workbench.tracking.live_recordings import lock_recording

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


@pytest.mark.parametrize("act", [delete_traces, delete_a_trace])
def test_traces_deleted_of_a_finished_run_are_recorded_again(
    left: Recording, act: Callable[[Recording, Invocation], None]
) -> None:
    first = left.run(EXPERIMENT)
    linking = left.run(EXPERIMENT, Options(again=True))  # it shows the traces of the first run
    act(left, first)
    done = left.run(EXPERIMENT)
    assert (done.problems, done.parent_run_id) == ((), linking.parent_run_id)
    traces = left.traces(done.variants[0].run_id)
    assert [len(trace.info.assessments) for trace in traces] == [2, 2]
    assert left.run(EXPERIMENT).recorded_before


@pytest.mark.parametrize("is_parent", [True, False])
def test_files_deleted_of_a_finished_run_are_recorded_again(
    recording: Recording, is_parent: bool
) -> None:
    recording.bench.write("rows.jsonl", ROWS)
    first = recording.run(EXPERIMENT)
    run_id = first.parent_run_id if is_parent else first.variants[0].run_id
    shutil.rmtree(urlsplit(recording.client.get_run(run_id).info.artifact_uri).path)
    done = recording.run(EXPERIMENT)
    assert (done.problems, done.parent_run_id) == ((), first.parent_run_id)
    assert stored_record(recording.client, done) == expected_record(done)
    assert recording.client.list_artifacts(run_id)
    assert recording.run(EXPERIMENT).recorded_before


@pytest.mark.parametrize(("held", "status"), [(False, "KILLED"), (True, "RUNNING")])
def test_runs_of_a_killed_process_are_ended_by_the_next_recording(
    recording: Recording, held: bool, status: str
) -> None:
    recording.bench.write("rows.jsonl", ROWS)
    killed = recording.run(EXPERIMENT)
    ids = [killed.parent_run_id, killed.variants[0].run_id]
    for run_id in ids:  # as SIGKILL leaves them
        recording.client.update_run(run_id, status="RUNNING")
    lock = lock_recording(recording.project, killed.plan.digest) if held else None
    done = recording.run(EXPERIMENT.replace("exact_match", "exact_match, output_tokens"))
    if lock is not None:
        os.close(lock)
    assert done.parent_run_id not in ids
    assert [recording.client.get_run(run_id).info.status for run_id in ids] == [status] * 2
    ended = [done.parent_run_id, done.variants[0].run_id]
    assert [recording.client.get_run(run_id).info.status for run_id in ended] == ["FINISHED"] * 2
