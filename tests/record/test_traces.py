"""Traces written straight into the tables and by MLflow's own calls: the same, each once."""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Feedback, Trace
from mlflow.tracing.client import TracingClient
from recording import Recording

from workbench.dataset import Example
from workbench.evaluator import Score
from workbench.model import Completion, Request, Usage
from workbench.plan import Cell
from workbench.project import Price
from workbench.results.metrics import Row
from workbench.tracking.bulk import BulkTraceWriter, knows
from workbench.tracking.client_writer import ClientTraceWriter
from workbench.tracking.registry import register
from workbench.tracking.row_trace import RowTrace, Source
from workbench.tracking.run_traces import Count, Traces, expected
from workbench.tracking.tracking_store import TrackingStore, connect

AT = 1_790_000_000_000
CHAT = Request.from_body(
    "k1", {"model": "m", "messages": [{"role": "user", "content": "naïve “{}” \\ ☃?"}]}
)
TEXT = Request.from_body("k2", {"model": "m", "prompt": "go on:"})
ANSWERED = Completion("k1", "ok", "yes ☃", latency_s=0.2, usage=Usage(12, 3), finish_reason="stop")
ANN = AssessmentSource(source_type="HUMAN", source_id="ann")
SCORES = {
    "right": Score(True, "said so", "parsed"),
    "wrong": Score(False),
    "number": Score(0.25, "near"),
    "category": Score("yes"),
    "nothing": Score(None, "does not apply"),
    "broken": Score(error="it broke: ü"),
}
# Each kind of row: request, answer, scores, expectations.
KINDS: dict[str, tuple[Request, Completion, dict[str, Score], dict[str, object]]] = {
    "every score": (CHAT, ANSWERED, SCORES, {"expected_response": "yes"}),
    "any expectation": (CHAT, ANSWERED, {}, {"n": 3, "list": [1, "a"], "map": {"ü": None}}),
    "plain text": (TEXT, Completion("k2", "ok", "x" * 1200), {"right": Score(True)}, {}),
    "cut off": (CHAT, Completion("k1", "truncated", "ye", usage=Usage(5)), SCORES, {}),
    "failed": (CHAT, Completion("k1", "failed", error="400: no"), {}, {"expected_response": "y"}),
    "no usage": (CHAT, replace(ANSWERED, usage=Usage(), latency_s=None), SCORES, {}),
}


@dataclass(frozen=True)
class Store:
    """A store with a run, which copies of it have too."""

    file: Path
    place: TrackingStore
    source: Source

    @property
    def traces(self) -> Traces:
        return Traces(self.place, self.source)

    def rows(self, kinds: Sequence[str] = tuple(KINDS), repeats: int = 1) -> list[RowTrace]:
        return [
            self.row(kind, repeat, AT - number * repeats - repeat)
            for number, kind in enumerate(kinds)
            for repeat in range(repeats)
        ]

    def row(self, kind: str, repeat: int, start: int) -> RowTrace:
        request, completion, scores, wanted = KINDS[kind]
        cell = Cell(Example(kind, {"text": f"{kind} ü"}, wanted), repeat, request.key)
        row = Row(cell, completion, scores)
        return RowTrace(self.source, row, request, f"{kind} {repeat}", start)

    def held(self) -> list[Trace]:
        """All of the run, by MLflow's public API, in the dataset's order."""
        client = MlflowClient(self.place.uri, self.place.uri)
        found = client.search_traces(
            locations=[self.source.experiment_id], run_id=self.source.run_id, max_results=500
        )
        return sorted(found, key=lambda trace: -trace.info.request_time)

    def tables(self) -> dict[str, list[str]]:
        """Every row of every table, without what is drawn by lot or read from the clock."""
        with closing(sqlite3.connect(self.file)) as db:
            db.row_factory = sqlite3.Row
            names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            return {name: _rows(db, name) for (name,) in names}

    def by_another_name(self) -> "Store":
        """The same, so that MLflow opens the file anew: a fork must not use what is open."""
        uri = f"sqlite:///{self.file.parent}/./{self.file.name}"
        place = replace(self.place, uri=uri, client=MlflowClient(uri, uri))
        return replace(self, place=place)

    def copy(self, to: Path) -> "Store":
        """Another store of the same content."""
        with closing(sqlite3.connect(self.file)) as read, closing(sqlite3.connect(to)) as written:
            read.backup(written)
        place = replace(self.place, uri=f"sqlite:///{to}")
        return Store(to, replace(place, client=MlflowClient(place.uri, place.uri)), self.source)


def _rows(db: sqlite3.Connection, table: str) -> list[str]:
    drawn = {"association_id", "created_time"}
    found = [dict(row) for row in db.execute(f'SELECT * FROM "{table}"')]
    return sorted(
        json.dumps({key: value for key, value in row.items() if key not in drawn}) for row in found
    )


@pytest.fixture
def store(recording: Recording) -> Store:
    """An experiment, a registered prompt and an empty run."""
    place = connect(recording.project, recording.uri)
    (variant,) = recording.bench.plan().variants
    experiment_id = place.experiment("traces")
    number, _ = register(place, variant.prompt, commit="")
    run = place.client.create_run(experiment_id, AT, {}, run_name="plain")
    variant = replace(variant, prompt=variant.prompt.with_version(number))
    source = Source(experiment_id, run.info.run_id, variant, Price(input=0.15, output=0.6))
    return Store(Path(recording.uri.removeprefix("sqlite:///")), place, source)


def straight(store: Store) -> Traces:
    calls = ClientTraceWriter(store.place, store.source)
    return Traces(store.place, store.source, BulkTraceWriter(store.place, store.source, calls))


def by_calls(store: Store) -> Traces:
    return Traces(store.place, store.source, ClientTraceWriter(store.place, store.source))


both = pytest.mark.parametrize("way", [straight, by_calls])
Way = Callable[[Store], Traces]


@pytest.mark.parametrize("price", [Price(input=0.15, output=0.6), None])
def test_both_ways_write_the_same_into_every_table(
    store: Store, price: Price | None, tmp_path: Path
) -> None:
    one = replace(store, source=replace(store.source, price=price))
    other = one.copy(tmp_path / "other.db")
    straight(one).write(one.rows())
    by_calls(other).write(other.rows())
    assert one.tables() == other.tables()
    # Again with other scores: what stood there is replaced.
    given = {"right": Score(False), "number": Score(1.0)}
    rows = [replace(made, row=replace(made.row, scores=given)) for made in one.rows()]
    for traces in (straight(one), by_calls(other)):
        traces.write(rows)
        assert traces.held(rows) == expected(rows)
    assert one.tables() == other.tables()


def test_a_store_is_written_straight_only_where_that_was_compared(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert knows(store.place)
    assert not knows(replace(store.place, uri="http://127.0.0.1:1"))
    monkeypatch.setenv("MLFLOW_SQL_TRACE_ROLLUPS_ENABLED", "true")
    assert not knows(store.place)


@both
def test_rows_are_written_once_however_often(store: Store, way: Way) -> None:
    rows = store.rows(repeats=2)
    traces = way(store)
    traces.write(rows[:5])
    traces.write(rows)
    before = store.tables()
    traces.write(rows)
    assert store.tables() == before
    assert traces.held(rows) == expected(rows) == Count(12, 24, 38, 10)
    shown = [trace.info.request_preview for trace in store.held()]
    assert shown == [f"{kind} {repeat}" for kind in KINDS for repeat in range(2)]


@both
def test_a_row_whose_spans_or_scores_are_missing_or_old_is_written_again(
    store: Store, way: Way
) -> None:
    rows = store.rows()
    client = TracingClient(store.place.uri)
    client.start_trace(rows[0].info())
    stale = replace(rows[1], row=replace(rows[1].row, scores={"gone": Score(True)}))
    by_calls(store).write([stale, *rows[2:]])
    client.start_trace(rows[1].info())  # its spans are still those of the answer before
    client.delete_assessment(rows[3].id, min(rows[3].scores))
    traces = way(store)
    assert traces.held(rows) != expected(rows)
    traces.write(rows)
    assert traces.held(rows) == expected(rows)
    said = {trace.data.spans[0].attributes["workbench.content"] for trace in store.held()}
    assert said == {made.content for made in rows}
    assert {one.name for one in store.held()[1].info.assessments} == {"n", "list", "map"}


@both
def test_what_people_say_of_a_row_stays_when_it_is_replaced(store: Store, way: Way) -> None:
    (made,) = store.rows(["every score"])
    traces = way(store)
    traces.write([made])
    theirs = Feedback(name="right", value=False, source=ANN)
    theirs.trace_id = made.id
    store.place.client._tracing_client.log_assessment(made.id, theirs)
    store.place.client.set_trace_tag(made.id, "seen by", "ann")
    other = replace(made, row=replace(made.row, scores={"right": Score(False)}))
    traces.write([other])
    assert traces.held([other]) == expected([other]) == Count(1, 2, 1, 1)
    (trace,) = store.held()
    said = [(one.name, one.source.source_id) for one in trace.info.assessments]
    assert sorted(said) == [
        ("expected_response", "dataset"),
        ("right", "ann"),
        ("right", "workbench"),
    ]
    assert trace.info.tags["seen by"] == "ann"


@both
def test_rows_that_are_no_more_in_the_run_are_deleted_and_no_others(store: Store, way: Way) -> None:
    other = store.place.client.create_run(store.source.experiment_id, AT, {}, run_name="other")
    elsewhere = replace(store, source=replace(store.source, run_id=other.info.run_id))
    (linked, *_) = theirs = elsewhere.rows(["failed", "plain text"])
    rows = store.rows(repeats=2)
    way(elsewhere).write(theirs)
    way(store).write(rows)
    store.place.client.link_traces_to_run([linked.id], store.source.run_id)
    way(store).tidy([made.id for made in rows[::2]])
    held = {trace.info.trace_id for trace in store.held()}
    assert held == {linked.id, *(made.id for made in rows[::2])}
    assert way(elsewhere).held(theirs) == expected(theirs)


@both
def test_traces_of_another_run_are_linked_once_and_keep_their_scores(
    store: Store, way: Way
) -> None:
    again = store.place.client.create_run(store.source.experiment_id, AT, {}, run_name="again")
    second = replace(store, source=replace(store.source, run_id=again.info.run_id))
    rows = store.rows()
    way(store).write(rows)
    changed = replace(rows[0], row=replace(rows[0].row, scores={}))
    whole = way(store).whole([changed, *rows[1:]])
    assert whole == {made.id for made in rows[1:]}
    traces = way(second)
    traces.link(whole)
    traces.link(whole)
    traces.write(second.rows()[:1])
    assert traces.linked() == whole
    assert traces.held(rows[1:]) == expected(rows[1:])
    traces.tidy([second.rows()[0].id])
    shown = {trace.info.request_preview: trace.info for trace in second.held()}
    assert list(shown) == [made.name for made in rows]
    # MLflow's page shows a run those scores only that name it as their source, or none.
    metadata = [one.metadata for info in shown.values() for one in info.assessments]
    assert [said for said in metadata if said] == []


@both
def test_traces_are_found_by_their_prompt(store: Store, way: Way) -> None:
    rows = store.rows()
    way(store).write(rows)
    prompt = store.source.variant.prompt
    found = store.place.client.search_traces(
        locations=[store.source.experiment_id],
        filter_string=f"prompt = '{prompt.registered_name}/{prompt.version}'",
    )
    assert {trace.info.trace_id for trace in found} == {made.id for made in rows}


@pytest.mark.slow
def test_rows_written_through_kills_are_each_there_once(store: Store) -> None:
    rows = store.rows(repeats=100)
    for number in range(8):
        process = os.fork()
        if not process:
            traces = store.by_another_name().traces
            for start in range(0, len(rows), 20):
                traces.write(rows[start : start + 20])
            os._exit(0)
        time.sleep(0.02 + number / 40)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    store.traces.write(rows)
    assert store.traces.held(rows) == expected(rows)
