"""Traces written straight into the tables of an SQLite store, some hundred rows per transaction.

MLflow's client opens a transaction per row, goes through its object mapper and reads back what it
writes: some 8 ms a row, of which the rows themselves need a tenth. This module writes the same rows
as start_trace, link_prompts_to_trace and log_spans; a test compares every table. It supports only
the versions of MLflow that the test was run with (`COMPARED`); for others see `client_writer`.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from functools import cached_property
from typing import Any

import mlflow
from mlflow.store.tracking.dbmodels import models
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.store.tracking.utils.sql_trace_rollups import rollups_enabled
from mlflow.tracing.client import TracingClient
from mlflow.tracing.constant import TraceTagKey
from mlflow.utils.time import get_current_time_millis
from sqlalchemy import and_, bindparam, case, delete, insert, select, update
from sqlalchemy.orm import Session

from workbench.tracking.client_writer import ClientTraceWriter
from workbench.tracking.row_trace import CONTENT, SOURCE_RUN, RowTrace, TraceRun
from workbench.tracking.trace_tables import IN_DATABASE, Columns, TraceTables, association
from workbench.tracking.trace_writer import StoredTrace, TraceWriter, batches
from workbench.tracking.tracking_store import TrackingStore

COMPARED = {"3.17.2"}  # versions of MLflow
CLIENT_COST, SERVER_COST = "about 8 ms a row", "about 40 ms a row"  # docs/performance.md
BATCH = 500  # rows per transaction: some 0.3 s, in which nobody else can write

INFOS = models.SqlTraceInfo.__table__
TAGS = models.SqlTraceTag.__table__
METADATA = models.SqlTraceMetadata.__table__
ASSESSMENTS = models.SqlAssessments.__table__
SPANS = models.SqlSpan.__table__
LINKS = models.SqlEntityAssociation.__table__


def bulk_obstacle(store: TrackingStore) -> str | None:
    """The reason why traces can't be written straight into the store; None: they can.

    The schema needs no check here: it is MLflow's own, or the store would not have opened.
    """
    if store.uri.startswith(("http://", "https://")):
        return "the tracking store is a server"
    if not store.uri.startswith("sqlite:"):
        return "the tracking store is not an SQLite file"
    if mlflow.__version__ not in COMPARED:
        return f"MLflow {mlflow.__version__} has not been compared with the bulk writer"
    if type(TracingClient(store.uri).store) is not SqlAlchemyStore:
        return "MLflow uses a store plug-in"
    return "MLflow's trace roll-ups are switched on" if rollups_enabled() else None


def open_traces(store: TrackingStore, run: TraceRun) -> TraceWriter:
    """The fastest writer that the store supports."""
    return ClientTraceWriter(store, run) if bulk_obstacle(store) else BulkTraceWriter(store, run)


def slow_writer_note(store: TrackingStore) -> tuple[str, ...]:
    """A remark for the user if traces are written through MLflow's client, and why."""
    obstacle = bulk_obstacle(store)
    if obstacle is None:
        return ()
    cost = SERVER_COST if store.uri.startswith("http") else CLIENT_COST
    return (f"traces are written through MLflow's client, {cost}, because {obstacle}",)


class BulkTraceWriter(TraceWriter):
    """The traces of one run in an SQLite store."""

    def replace(self, row_traces: Sequence[RowTrace], stored: Mapping[str, StoredTrace]) -> None:
        """See `TraceWriter`. Each batch of 500 rows is written completely or not at all."""
        for batch in batches(row_traces, BATCH):
            with self._sql_store.ManagedSessionMaker() as session:
                archived = _archived_ids(session, [trace.id for trace in batch])
            if archived:
                self._client_writer.replace([t for t in batch if t.id in archived], stored)
            self._write_tables([t for t in batch if t.id not in archived], stored)

    def read(self, row_traces: Sequence[RowTrace]) -> dict[str, StoredTrace]:
        """See `TraceWriter`."""
        stored: dict[str, StoredTrace] = {}
        for batch in batches(row_traces, BATCH):
            trace_ids = [trace.id for trace in batch]
            with self._sql_store.ManagedSessionMaker() as session:
                archived = _archived_ids(session, trace_ids)
                stored |= _read_traces(session, trace_ids)
            stored |= self._client_writer.read([t for t in batch if t.id in archived])
        return stored

    def written_ids(self) -> set[str]:
        """See `TraceWriter`."""
        trace_id = INFOS.c.request_id
        query = (
            select(trace_id)
            .join(METADATA, and_(METADATA.c.request_id == trace_id, METADATA.c.key == SOURCE_RUN))
            .join(TAGS, and_(TAGS.c.request_id == trace_id, TAGS.c.key == CONTENT))
            .where(
                INFOS.c.experiment_id == int(self.run.experiment_id),
                METADATA.c.value == self.run.run_id,
            )
        )
        with self._sql_store.ManagedSessionMaker() as session:
            return set(session.scalars(query))

    def link(self, trace_ids: Collection[str]) -> None:
        """See `TraceWriter`."""
        now_ms = get_current_time_millis()
        missing = sorted(set(trace_ids) - self.linked_ids())
        links = [association(trace_id, ("run", self.run.run_id), now_ms) for trace_id in missing]
        with self._sql_store.ManagedSessionMaker(read_only=False) as session:
            for batch in batches(links, BATCH):
                session.execute(insert(LINKS), batch)

    def linked_ids(self) -> set[str]:
        """See `TraceWriter`."""
        query = select(LINKS.c.source_id).where(
            LINKS.c.source_type == "trace",
            LINKS.c.destination_type == "run",
            LINKS.c.destination_id == self.run.run_id,
        )
        with self._sql_store.ManagedSessionMaker() as session:
            return set(session.scalars(query))

    def _write_tables(
        self, row_traces: Sequence[RowTrace], stored: Mapping[str, StoredTrace]
    ) -> None:
        tables = TraceTables(self.run, self._artifact_location)
        for trace in row_traces:
            tables.add(trace)
        with self._sql_store.ManagedSessionMaker(read_only=False) as session:
            trace_ids = [trace.id for trace in row_traces]
            id_column = INFOS.c.request_id
            old = set(session.scalars(select(id_column).where(id_column.in_(trace_ids))))
            if old:
                _clear(session, [t for t in row_traces if t.id in old], stored, tables)
                _update_infos(session, [i for i in tables.infos if i["request_id"] in old])
            for table, rows in (
                (INFOS, [info for info in tables.infos if info["request_id"] not in old]),
                (TAGS, tables.tags),
                (METADATA, tables.metadata),
                (ASSESSMENTS, tables.assessments),
                (SPANS, tables.spans),
                (LINKS, tables.links),
            ):
                if rows:
                    session.execute(insert(table), rows)

    @cached_property
    def _client_writer(self) -> ClientTraceWriter:
        return ClientTraceWriter(self.store, self.run)  # for traces whose spans are archived

    @cached_property
    def _sql_store(self) -> SqlAlchemyStore:
        return TracingClient(self.store.uri).store

    @cached_property
    def _artifact_location(self) -> str:
        experiment = self.store.client.get_experiment(self.run.experiment_id)
        return str(experiment.artifact_location)


def _clear(
    session: Session,
    row_traces: Sequence[RowTrace],
    stored: Mapping[str, StoredTrace],
    tables: TraceTables,
) -> None:
    """Delete everything that workbench wrote of the traces, which are about to be replaced."""
    trace_ids = [trace.id for trace in row_traces]
    span_ids = [span_id for trace in row_traces for span_id in trace.span_ids]
    assessment_ids: set[str] = set()
    for trace in row_traces:
        assessment_ids |= trace.feedback_ids | trace.expectation_ids
        if trace.id in stored:
            assessment_ids |= stored[trace.id].obsolete_ids(trace)
    for table, condition in (
        (TAGS, _has_key(TAGS, trace_ids, {row["key"] for row in tables.tags})),
        (METADATA, _has_key(METADATA, trace_ids, {row["key"] for row in tables.metadata})),
        (ASSESSMENTS, ASSESSMENTS.c.assessment_id.in_(assessment_ids)),
        (SPANS, and_(SPANS.c.trace_id.in_(trace_ids), SPANS.c.span_id.in_(span_ids))),
        (
            LINKS,
            and_(LINKS.c.source_id.in_(trace_ids), LINKS.c.destination_type == "prompt_version"),
        ),
    ):
        session.execute(delete(table).where(condition))


def _has_key(table: Any, trace_ids: Sequence[str], keys: Set[str]) -> Any:
    return and_(table.c.request_id.in_(trace_ids), table.c.key.in_(keys))


def _update_infos(session: Session, infos: Sequence[Columns]) -> None:
    renamed = [{f"new_{column}": value for column, value in info.items()} for info in infos]
    values: dict[str, Any] = {
        column: bindparam(f"new_{column}") for column in infos[0] if column != "request_id"
    }
    values["db_payload_generation"] = INFOS.c.db_payload_generation + 2  # MLflow's two calls
    same_trace = INFOS.c.request_id == bindparam("new_request_id")
    session.connection().execute(update(INFOS).where(same_trace).values(values), renamed)


def _read_traces(session: Session, trace_ids: Sequence[str]) -> dict[str, StoredTrace]:
    root_content = case((SPANS.c.parent_span_id.is_(None), SPANS.c.content))
    span_digests: dict[str, str] = {}
    span_ids: defaultdict[str, set[str]] = defaultdict(set)
    assessments: defaultdict[str, dict[str, str]] = defaultdict(dict)
    query = select(SPANS.c.trace_id, SPANS.c.span_id, root_content)
    for trace_id, span_id, content in session.execute(query.where(SPANS.c.trace_id.in_(trace_ids))):
        span_ids[trace_id].add(span_id)
        if content:
            attributes = json.loads(content)["attributes"]
            span_digests[trace_id] = str(json.loads(attributes.get(CONTENT, '""')))
    table = ASSESSMENTS.c
    query = select(table.trace_id, table.assessment_id, table.name)
    for trace_id, assessment_id, name in session.execute(
        query.where(table.trace_id.in_(trace_ids))
    ):
        assessments[trace_id][assessment_id] = name
    tag_digests = dict(_read_tags(session, trace_ids, CONTENT))
    id_column = INFOS.c.request_id
    return {
        trace_id: StoredTrace(
            tag_digests.get(trace_id, ""),
            span_ids[trace_id],
            span_digests.get(trace_id, ""),
            assessments[trace_id],
        )
        for trace_id in session.scalars(select(id_column).where(id_column.in_(trace_ids)))
    }


def _archived_ids(session: Session, trace_ids: Sequence[str]) -> set[str]:
    tags = _read_tags(session, trace_ids, TraceTagKey.SPANS_LOCATION)
    return {trace_id for trace_id, location in tags if location != IN_DATABASE}


def _read_tags(session: Session, trace_ids: Sequence[str], key: str) -> list[tuple[str, str]]:
    """Pairs of a trace id and its tag's value."""
    query = select(TAGS.c.request_id, TAGS.c.value).where(_has_key(TAGS, trace_ids, {key}))
    return [(trace_id, value) for trace_id, value in session.execute(query)]
