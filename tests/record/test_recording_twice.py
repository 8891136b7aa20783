"""A run recorded again, stopped, gone on with, or put into another store: each thing once."""

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from bench import Bench, refusal
from mlflow.entities import AssessmentSource
from openai_server import OpenAIServer, Reply, say
from record_contents import expected_record, stored_record
from recording import Recording

from workbench.errors import ExitCode, StopCheck, Stopped
from workbench.experiment import load_experiment
from workbench.plan import Options, plan_invocation, summarize_plan
from workbench.resolvers import project_resolvers
from workbench.results.variant_results import variant_results
from workbench.run.pending import note, pending_invocations
from workbench.scoring.stream import Stream
from workbench.store import Store
from workbench.tracking.protocol import Recorded, RecordingJob, ResultSet, RowRecord
from workbench.tracking.recorder import DirectRecorder
from workbench.tracking.row_records import RowRecords
from workbench.tracking.tracking_store import connect

EXPERIMENT = """\
name: twice
dataset: {path: rows.jsonl, expected: label}
prompts: [plain, long]
models: [echo:last]
evaluators: [exact_match, output_tokens]
"""
LOCK = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""
ROWS = 80  # more than are written at once


@pytest.fixture
def twice(recording: Recording) -> Recording:
    rows = [{"id": f"r{n}", "text": f"t{n}", "label": f"t{n % 5}"} for n in range(ROWS)]
    recording.bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    recording.bench.write("long.jinja", "system:\nSay it.\nuser:\n{{ text }}\n")
    return recording


class DoublingRecorder(DirectRecorder):
    """Gets the first row of each batch twice, and loses the last."""

    def add(self, variant: int, records: Sequence[RowRecord]) -> None:
        super().add(variant, [*records[:-1], records[0]])


def test_a_row_that_is_read_again_hides_no_row_that_is_missing(twice: Recording) -> None:
    doubling = replace(twice, recorder=DoublingRecorder)
    done = doubling.run(EXPERIMENT.replace("[plain, long]", "[plain]"))
    assert done.problems == ()
    assert stored_record(twice.client, done) == expected_record(done)


def record_again(recording: Recording, stopped: StopCheck) -> Recorded:
    """Record all rows again, until `stopped` returns True."""
    file = recording.bench.write("experiment.yaml", EXPERIMENT)
    project = recording.project
    resolvers = project_resolvers(project, recording.uri)
    experiment = load_experiment(file, project, recording.bench.renderer, resolvers)
    with Store(project.store) as store:
        plan = plan_invocation(experiment, recording.bench.renderer, store, Options())
        note(project, plan, recording.uri)
        recorder = DirectRecorder(project, store.redactor, recording.uri, stopped)
        recorder.begin(RecordingJob(summarize_plan(plan), rows=ROWS, traces=ROWS, again=True))
        records = RowRecords(plan, ROWS)
        with Stream(plan, store, on_rows=lambda *_: None) as stream:
            stream.finish()
        variants = variant_results(plan, stream.tallies, {})
        digests = [tally.digest() for tally in stream.tallies]
        try:
            return recorder.finish(
                ResultSet(
                    variants,
                    digests,
                    [[], []],
                    lambda n: (records.build(n, rows) for rows in stream.rows(n)),
                ),
                stopped,
            )
        except Stopped:
            recorder.stop(1.0)
            raise


def test_an_uninterrupted_run_has_one_value_of_every_metric(twice: Recording) -> None:
    done = twice.run(EXPERIMENT)
    run = twice.client.get_run(done.variants[0].run_id)
    histories = {
        name: [
            (metric.value, metric.step) for metric in twice.client.get_metric_history(run_id, name)
        ]
        for run_id in [run.info.run_id]
        for name in run.data.metrics
    }
    assert histories == {name: [(value, 0)] for name, value in run.data.metrics.items()}
    times = {
        metric.timestamp - run.info.start_time
        for name in run.data.metrics
        if not name.endswith("/mean")  # MLflow's own evaluate writes these
        for metric in twice.client.get_metric_history(run.info.run_id, name)
    }
    assert times == {0}
    assert stored_record(twice.client, done) == expected_record(done)


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_recording_that_is_stopped_is_gone_on_with(twice: Recording, after: int) -> None:
    twice.run(EXPERIMENT)
    checks: list[bool] = []

    def stopped() -> bool:
        checks.append(True)
        return len(checks) >= after

    with pytest.raises(Stopped):
        record_again(twice, stopped)
    states = {run.info.status for run in twice.runs()}
    assert states <= {"FINISHED", "KILLED", "RUNNING"}
    assert twice.client.search_runs(
        [experiment.experiment_id for experiment in twice.client.search_experiments()],
        "attributes.status = 'KILLED'",
    )
    assert len(pending_invocations(twice.project)) == 1
    done = twice.run(EXPERIMENT)
    assert (done.recorded_before, done.requests.sent, done.problems) == (False, 0, ())
    record = stored_record(twice.client, done)
    assert record["traces"] == 4 * ROWS  # --again's, and those of the first
    assert pending_invocations(twice.project) == []


def test_the_last_value_is_shown_though_it_is_lower(
    recording: Recording, server: OpenAIServer
) -> None:
    bench = recording.bench
    bench.write("rows.jsonl", '{"text": "one", "label": "a"}\n{"text": "two", "label": "a"}\n')
    text = (
        "dataset: {path: rows.jsonl, expected: label}\nprompts: [plain]\n"
        f'models: [openai:m: {{base_url: "{server.url}"}}]\nevaluators: [exact_match]\n'
    )
    no = Reply(400, {"error": {"message": "no"}})
    replies: dict[str, Reply] = {}
    server.script = lambda path, body, nth: replies[body["messages"][-1]["content"]]
    shown = []
    for first, second in ((no, no), (say("a"), no), (say("a"), say("b"))):
        replies |= {"one": first, "two": second}
        done = recording.run(text, Options(retry_failed=True))
        record = stored_record(recording.client, done)
        assert record == expected_record(done)
        shown.append((record["metrics"]["plain"].get("exact_match/mean"), record["feedback"]))
    assert shown == [(None, 0), (1.0, 1), (0.5, 2)]


def test_of_twins_the_one_that_was_written_to_is_taken_and_the_other_goes(
    recording: Recording,
) -> None:
    text = EXPERIMENT.replace("{path: rows.jsonl, expected: label}", "rows.jsonl")
    text = text.replace("[plain, long]", "[plain]").replace("[exact_match, ", "[")
    first = recording.run(text)
    client = recording.client
    for run_id in (first.parent_run_id, first.variants[0].run_id):
        run = client.get_run(run_id)
        identifying = (
            "workbench.plan",
            "workbench.series",
            "workbench.variant",
            "mlflow.parentRunId",
        )
        tags = {name: value for name, value in run.data.tags.items() if name in identifying}
        client.create_run(
            run.info.experiment_id, run.info.start_time - 9, tags, run_name=run.info.run_name
        )
    client.set_tag(first.variants[0].run_id, "workbench.rows", "-")
    second = recording.run(text)
    assert second.parent_run_id == first.parent_run_id
    assert second.variants[0].run_id == first.variants[0].run_id
    assert stored_record(client, second) == expected_record(second)


def test_what_people_add_to_a_trace_is_not_counted_and_stays(twice: Recording) -> None:
    import mlflow

    done = twice.run(EXPERIMENT)
    run = twice.client.get_run(done.variants[0].run_id)
    (trace, *_) = twice.traces(run)
    mlflow.log_feedback(
        trace_id=trace.info.trace_id,
        name="exact_match",
        value=True,
        source=AssessmentSource(source_type="HUMAN", source_id="ann"),
    )
    twice.client.set_tag(run.info.run_id, "workbench.rows", "-")
    again = twice.run(EXPERIMENT)
    assert (again.recorded_before, again.problems) == (False, ())
    (trace, *_) = twice.traces(run)
    names = sorted(assessment.name for assessment in trace.info.assessments)
    assert names == ["exact_match", "exact_match", "expected_response", "output_tokens"]


def test_a_store_that_was_wiped_and_another_one_are_filled_anew(
    twice: Recording, empty_store: Path
) -> None:
    file = Path(twice.uri.removeprefix("sqlite:///"))
    # Under another name, so that this process doesn't keep the file open that is wiped.
    by_another_name = f"sqlite:///{file.parent / 'x' / '..' / file.name}"
    (file.parent / "x").mkdir()
    first = Recording(twice.bench, twice.project, by_another_name).run(EXPERIMENT)
    for store_file in file.parent.glob("mlflow.db*"):
        store_file.unlink()
    shutil.copy(empty_store, file)
    second = twice.run(EXPERIMENT)
    other = file.parent / "other.db"
    shutil.copy(empty_store, other)
    third = Recording(twice.bench, twice.project, f"sqlite:///{other}").run(EXPERIMENT)
    for done, uri in ((second, twice.uri), (third, f"sqlite:///{other}")):
        client = Recording(twice.bench, twice.project, uri).client
        assert (done.requests.sent, done.exit_code) == (0, ExitCode.DONE)
        assert stored_record(client, done) == expected_record(done)
    assert [v.metrics for v in second.variants] == [v.metrics for v in first.variants]


@pytest.mark.slow
def test_a_store_that_is_locked_for_some_seconds_is_waited_for(twice: Recording) -> None:
    with Locked(twice, 8):
        done = twice.run(EXPERIMENT)
    assert (done.exit_code, done.problems) == (ExitCode.DONE, ())
    assert stored_record(twice.client, done) == expected_record(done)


@pytest.mark.nightly
def test_a_store_that_stays_locked_costs_no_answer(twice: Recording) -> None:
    with Locked(twice, 300):
        done = twice.run(EXPERIMENT)
    assert done.exit_code == ExitCode.NOT_RECORDED
    assert [problem.message for problem in done.problems] == [
        "another process keeps the MLflow store locked",
        "160 of 160 rows are not recorded in MLflow",
    ]
    later = twice.run(EXPERIMENT)
    assert (later.exit_code, later.requests.sent) == (ExitCode.DONE, 0)
    assert stored_record(twice.client, later) == expected_record(later)


class Locked:
    """Another process holds the store's write lock."""

    def __init__(self, recording: Recording, seconds: float) -> None:
        words = [recording.uri.removeprefix("sqlite:///"), str(seconds)]
        self._words = [sys.executable, "-c", LOCK, *words]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._words, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n"

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def _older(db: sqlite3.Connection) -> None:
    db.execute("UPDATE alembic_version SET version_num = 'cc1f77228345'")
    db.execute("DROP TABLE registered_model_aliases")


def _newer(db: sqlite3.Connection) -> None:
    db.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")


def _foreign(db: sqlite3.Connection) -> None:
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if not name.startswith("sqlite_"):
            db.execute(f'DROP TABLE "{name}"')
    db.execute("CREATE TABLE invoices (number INTEGER)")


@pytest.mark.parametrize(
    ("change", "message", "fix"),
    [
        (
            _older,
            "an older MLflow made this store (schema cc1f77228345)",
            "keep a copy of it, then: mlflow db upgrade {uri}",
        ),
        (
            _newer,
            "a newer MLflow made this store (schema ffffffffffff)",
            "pip install --upgrade mlflow, or name another --tracking-uri",
        ),
        (
            _foreign,
            "this is no MLflow store: it holds the tables invoices",
            "name another file or database, or leave --tracking-uri out",
        ),
    ],
)
def test_a_store_of_another_make_is_refused_and_left_as_it_is(
    twice: Recording, change: Callable[[sqlite3.Connection], None], message: str, fix: str
) -> None:
    file = Path(twice.uri.removeprefix("sqlite:///"))
    with sqlite3.connect(file, isolation_level=None) as db:
        change(db)
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("VACUUM")
    db.close()
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    done = twice.run(EXPERIMENT)
    assert (done.exit_code, done.requests.sent) == (ExitCode.NOT_RECORDED, 160)
    assert (done.problems[0].message, done.problems[0].fix) == (message, fix.format(uri=twice.uri))
    assert done.problems[1].message == "160 of 160 rows are not recorded in MLflow"
    assert message in refusal(twice.run, EXPERIMENT.replace("plain", "plain@1"))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_a_note_holds_no_password(bench: Bench) -> None:
    for uri in ("http://u:secret@host:5000", "http://host:5000"):
        note(bench.project, bench.plan(), uri)
    uris = {pending.tracking_uri for pending in pending_invocations(bench.project)}
    assert uris == {"http://u:***@host:5000", "http://host:5000"}


def test_prompts_are_registered_once_by_two_processes(bench: Bench, empty_store: Path) -> None:
    file = bench.project.store / "mlflow.db"
    shutil.copy(empty_store, file)
    bench.write("plain.jinja", "user:\nracing {{ text }}\n")
    command = [sys.executable, "-c", "from workbench.cli import main; main()", "prompts", "push"]
    processes = [
        subprocess.Popen(command, cwd=bench.root, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    lines = sorted(process.communicate()[0] for process in processes)
    assert lines == [
        "qa/plain is already version 1\n",
        "qa/plain registered as version 1\n",
    ]
    client = connect(bench.project, f"sqlite:///{file}").client
    assert len(client.search_prompt_versions("qa.plain")) == 1
