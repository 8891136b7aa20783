"""Traces written straight into the tables and by MLflow's client: the same, each once.

    python tests/record/mlflow_versions.py

runs these tests under the oldest MLflow allowed, which has no bulk writer, and under the newest.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback, Trace, TraceInfo
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.tracing.client import TracingClient
from recording import Recording

pytest.importorskip("workbench.tracking.bulk", exc_type=ImportError)

from workbench.evaluator import Score
from workbench.project import Price
from workbench.tracking.bulk import BulkTraceWriter
from workbench.tracking.client_writer import ClientTraceWriter, expected_count
from workbench.tracking.registry import register
from workbench.tracking.row_trace import RowTrace, TraceRun
from workbench.tracking.trace_writers import bulk_obstacle, open_traces
from workbench.tracking.tracking_store import TrackingStore, connect
from workbench.tracking.writer_comparison import (
    SAMPLES,
    START_MS,
    read_tables,
    sample_rows,
    writer_difference,
)

START_TRACE = SqlAlchemyStore.start_trace
ANN = AssessmentSource(source_type="HUMAN", source_id="ann")


@dataclass(frozen=True)
class RunStore:
    """A tracking store with an empty run, which copies of it have too."""

    file: Path
    store: TrackingStore
    run: TraceRun

    @property
    def traces(self) -> ClientTraceWriter:
        return open_traces(self.store, self.run)

    def row_traces(self, kinds: Sequence[str] = tuple(SAMPLES), repeats: int = 1) -> list[RowTrace]:
        return [
            self._row_trace(kind, repeat, START_MS - number * repeats - repeat)
            for number, kind in enumerate(kinds)
            for repeat in range(repeats)
        ]

    def _row_trace(self, kind: str, repeat: int, start_ms: int) -> RowTrace:
        sample = next(row for row in sample_rows(self.run) if row.row.cell.example.id == kind)
        row = replace(sample.row, cell=replace(sample.row.cell, repeat=repeat))
        return replace(sample, row=row, name=f"{kind} {repeat}", start_ms=start_ms)

    def shown_traces(self) -> list[Trace]:
        """All traces of the run by MLflow's public API, in the dataset's order."""
        client = MlflowClient(self.store.uri, self.store.uri)
        traces = client.search_traces(
            locations=[self.run.experiment_id], run_id=self.run.run_id, max_results=500
        )
        return sorted(traces, key=lambda trace: -trace.info.request_time)

    def tables(self) -> dict[str, list[str]]:
        """Every row of every table, without random ids and times of writing."""
        return read_tables(self.file)

    def with_other_uri(self) -> "RunStore":
        """The same store by another URI, so that a forked process opens the file again."""
        uri = f"sqlite:///{self.file.parent}/./{self.file.name}"
        return replace(self, store=replace(self.store, uri=uri, client=MlflowClient(uri, uri)))

    def with_run(self, name: str) -> "RunStore":
        """The same store with another new run."""
        run = self.store.client.create_run(self.run.experiment_id, START_MS, {}, run_name=name)
        return replace(self, run=replace(self.run, run_id=run.info.run_id))


@pytest.fixture
def run_store(recording: Recording) -> RunStore:
    """An experiment, a registered prompt and an empty run."""
    store = connect(recording.project, recording.uri)
    (variant,) = recording.bench.plan().variants
    experiment_id = store.experiment("traces")
    number, _ = register(store, variant.prompt, commit="")
    run = store.client.create_run(experiment_id, START_MS, {}, run_name="plain")
    variant = replace(variant, prompt=replace(variant.prompt, version=number))
    price = Price(input=0.15, output=0.6)
    trace_run = TraceRun(experiment_id, run.info.run_id, variant, price)
    return RunStore(Path(recording.uri.removeprefix("sqlite:///")), store, trace_run)


def entity_counts(traces: int, spans: int, scores: int, expectations: int) -> Counter[str]:
    return Counter(traces=traces, spans=spans, scores=scores, expectations=expectations)


def bulk_writer(run_store: RunStore) -> ClientTraceWriter:
    return BulkTraceWriter(run_store.store, run_store.run)


def client_writer(run_store: RunStore) -> ClientTraceWriter:
    return ClientTraceWriter(run_store.store, run_store.run)


Open = Callable[[RunStore], ClientTraceWriter]
both_writers = pytest.mark.parametrize("open_writer", [bulk_writer, client_writer])


def test_both_writers_write_the_same_into_every_table(
    run_store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    assert writer_difference(run_store.file, run_store.run.variant) == ""
    (kept,) = json.loads((tmp_path / "trace_writers.json").read_text()).items()
    assert (kept[0].split()[0], kept[1]) == (mlflow.__version__, "")
    assert run_store.shown_traces() == []


def start_with_a_tag(store: SqlAlchemyStore, info: TraceInfo) -> TraceInfo:
    """What a later MLflow may do when a trace starts."""
    info.tags["new"] = "1"
    return START_TRACE(store, info)


def start_and_lose(store: SqlAlchemyStore, info: TraceInfo) -> TraceInfo:
    raise MlflowException("no such table: spans_v2")


@pytest.mark.parametrize(
    ("start_trace", "reason"),
    [
        (start_with_a_tag, "table trace_tags differs"),
        (start_and_lose, "no such table: spans_v2"),
    ],
)
def test_a_run_notes_that_mlflow_writes_other_traces_than_the_bulk_writer(
    recording: Recording,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start_trace: Callable[..., TraceInfo],
    reason: str,
) -> None:
    text = "dataset: rows.jsonl\nprompts: [plain]\nmodels: [echo:last]\nevaluators: [latency]\n"
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    with monkeypatch.context() as later_mlflow:
        later_mlflow.setattr(SqlAlchemyStore, "start_trace", start_trace)
        (variant,) = recording.bench.plan().variants
        store = connect(recording.project, recording.uri)
        assert bulk_obstacle(store, variant) == (
            f"MLflow {mlflow.__version__} writes traces in another way ({reason})"
        )
    # An error may have a cause that passes, such as a full disk.
    assert (tmp_path / "trace_writers.json").exists() == reason.startswith("table")
    # The comparison is not made again for the same tables and the same MLflow.
    done = recording.run(text)
    assert (done.exit_code, done.problems) == (0, ())
    note = (
        "traces are written through MLflow's client, about 8 ms a row, because "
        f"MLflow {mlflow.__version__} writes traces in another way ({reason})"
    )
    assert recording.progress.notes == ["recording in MLflow", note]
    assert recording.run(text).recorded_before
    assert recording.progress.notes == ["recording in MLflow", note, "recording in MLflow"]


def test_the_bulk_writer_is_used_only_where_it_can_be(
    run_store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, variant = run_store.store, run_store.run.variant
    assert bulk_obstacle(store, variant) == ""
    assert bulk_obstacle(replace(store, uri="http://127.0.0.1:1"), variant) == (
        "the tracking store is a server"
    )
    assert bulk_obstacle(replace(store, uri="postgresql://127.0.0.1/mlflow"), variant) == (
        "the tracking store is not an SQLite file"
    )
    with monkeypatch.context() as variables:
        variables.setenv("MLFLOW_SQL_TRACE_ROLLUPS_ENABLED", "true")
        assert bulk_obstacle(store, variant) == "MLflow's trace roll-ups are switched on"
    monkeypatch.setitem(sys.modules, "mlflow.store.tracking.utils.sql_trace_rollups", None)
    assert bulk_obstacle(store, variant).startswith(
        f"MLflow {mlflow.__version__} writes traces in another way (import of mlflow.store"
    )


@both_writers
def test_rows_are_written_once_however_often(run_store: RunStore, open_writer: Open) -> None:
    rows = run_store.row_traces(repeats=2)
    traces = open_writer(run_store)
    traces.write(rows[:5])
    traces.write(rows)
    before = run_store.tables()
    traces.write(rows)
    assert run_store.tables() == before
    assert traces.count(rows) == expected_count(rows) == entity_counts(12, 24, 38, 10)
    previews = [trace.info.request_preview for trace in run_store.shown_traces()]
    assert previews == [f"{kind} {repeat}" for kind in SAMPLES for repeat in range(2)]


@both_writers
def test_a_row_whose_spans_or_scores_are_missing_or_old_is_written_again(
    run_store: RunStore, open_writer: Open
) -> None:
    rows = run_store.row_traces()
    client = TracingClient(run_store.store.uri)
    client.start_trace(rows[0].trace_info())
    stale = replace(rows[1], row=replace(rows[1].row, scores={"gone": Score(True)}))
    client_writer(run_store).write([stale, *rows[2:]])
    client.start_trace(rows[1].trace_info())  # its spans are still those of the stale row
    client.delete_assessment(rows[3].id, min(rows[3].entity_ids["scores"]))
    traces = open_writer(run_store)
    assert traces.count(rows) != expected_count(rows)
    traces.write(rows)
    assert traces.count(rows) == expected_count(rows)
    shown = run_store.shown_traces()
    digests = {trace.data.spans[0].attributes["workbench.content"] for trace in shown}
    assert digests == {row.content_digest for row in rows}
    names = {assessment.name for assessment in shown[1].info.assessments}
    assert names == {"n", "list", "map"}


@both_writers
def test_assessments_and_tags_of_people_stay_when_a_row_is_replaced(
    run_store: RunStore, open_writer: Open
) -> None:
    (row,) = run_store.row_traces(["every score"])
    traces = open_writer(run_store)
    traces.write([row])
    feedback = Feedback(name="right", value=False, source=ANN)
    feedback.trace_id = row.id
    run_store.store.client._tracing_client.log_assessment(row.id, feedback)
    run_store.store.client.set_trace_tag(row.id, "seen by", "ann")
    replaced = replace(row, row=replace(row.row, scores={"right": Score(False)}))
    traces.write([replaced])
    assert traces.count([replaced]) == expected_count([replaced]) == entity_counts(1, 2, 1, 1)
    (trace,) = run_store.shown_traces()
    sources = [(each.name, each.source.source_id) for each in trace.info.assessments]
    assert sorted(sources) == [
        ("expected_response", "dataset"),
        ("right", "ann"),
        ("right", "workbench"),
    ]
    assert trace.info.tags["seen by"] == "ann"


@both_writers
def test_only_traces_of_rows_that_left_the_run_are_deleted(
    run_store: RunStore, open_writer: Open
) -> None:
    other = run_store.with_run("other")
    (linked, *_) = other_rows = other.row_traces(["failed", "plain text"])
    rows = run_store.row_traces(repeats=2)
    open_writer(other).write(other_rows)
    open_writer(run_store).write(rows)
    run_store.store.client.link_traces_to_run([linked.id], run_store.run.run_id)
    traces = open_writer(run_store)
    traces.delete(traces.written_ids() - {row.id for row in rows[::2]})
    shown = {trace.info.trace_id for trace in run_store.shown_traces()}
    assert shown == {linked.id, *(row.id for row in rows[::2])}
    assert open_writer(other).count(other_rows) == expected_count(other_rows)


@both_writers
def test_traces_of_another_run_are_linked_once_and_keep_their_scores(
    run_store: RunStore, open_writer: Open
) -> None:
    second = run_store.with_run("again")
    rows = run_store.row_traces()
    open_writer(run_store).write(rows)
    changed = replace(rows[0], row=replace(rows[0].row, scores={}))
    matching = open_writer(run_store).matching_ids([changed, *rows[1:]])
    assert matching == {row.id for row in rows[1:]}
    traces = open_writer(second)
    traces.link(matching)
    traces.link(matching)
    traces.write(second.row_traces()[:1])
    assert traces.linked_ids() == matching
    assert traces.count(rows[1:]) == expected_count(rows[1:])
    traces.delete(traces.written_ids() - {second.row_traces()[0].id})
    infos = {trace.info.request_preview: trace.info for trace in second.shown_traces()}
    assert list(infos) == [row.name for row in rows]
    # MLflow's page shows a run only those scores that name it as their source, or none.
    metadata = [each.metadata for info in infos.values() for each in info.assessments]
    assert [each for each in metadata if each] == []


@both_writers
def test_a_span_shows_log_likelihoods_prefill_attempts_and_reasoning(
    run_store: RunStore, open_writer: Open
) -> None:
    open_writer(run_store).write(run_store.row_traces(["plain text", "every score"]))
    attributes = [trace.data.spans[1].attributes for trace in run_store.shown_traces()]
    names = ("choice_scores", "choice_tokens", "prefill", "attempts", "reasoning")
    assert [tuple(span.get(f"workbench.{name}") for name in names) for span in attributes] == [
        ({" yes": -0.25, " no": None}, {" yes": 1, " no": 2}, "It is", 2, None),
        (None, None, None, 1, "Snow."),
    ]


def test_a_span_shows_the_tools_of_its_prompt(run_store: RunStore) -> None:
    variant, tool = run_store.run.variant, {"name": "f", "parameters": {"type": "object"}}
    settings = replace(variant.prompt.settings, tools=(tool,))
    variant = replace(variant, prompt=replace(variant.prompt, settings=settings))
    row = replace(
        run_store.row_traces(["every score"])[0], run=replace(run_store.run, variant=variant)
    )
    attributes = row.spans()[1].attributes
    assert attributes["mlflow.chat.tools"] == [{"type": "function", "function": tool}]


def test_reasoning_is_part_of_a_trace_s_content(run_store: RunStore) -> None:
    row = run_store.row_traces(["every score"])[0]
    completion = replace(row.completion, reasoning="Ice.")
    assert replace(row, row=replace(row.row, completion=completion)).content_digest != (
        row.content_digest
    )


@both_writers
def test_traces_are_found_by_their_prompt(run_store: RunStore, open_writer: Open) -> None:
    rows = run_store.row_traces()
    open_writer(run_store).write(rows)
    prompt = run_store.run.variant.prompt
    traces = run_store.store.client.search_traces(
        locations=[run_store.run.experiment_id],
        filter_string=f"prompt = '{prompt.registered_name}/{prompt.version}'",
    )
    assert {trace.info.trace_id for trace in traces} == {row.id for row in rows}


@pytest.mark.slow
def test_rows_written_through_kills_are_each_there_once(run_store: RunStore) -> None:
    rows = run_store.row_traces(repeats=100)
    for number in range(8):
        process = os.fork()
        if not process:
            traces = run_store.with_other_uri().traces
            for start in range(0, len(rows), 20):
                traces.write(rows[start : start + 20])
            os._exit(0)
        time.sleep(0.02 + number / 40)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    run_store.traces.write(rows)
    assert run_store.traces.count(rows) == expected_count(rows)
