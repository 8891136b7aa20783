"""Traces straight into the tables of an SQLite store: some hundred rows in one transaction.

MLflow's own calls open a transaction a row, go through its object mapper and read back what they
write: some 7 ms a row, of which the rows themselves need a tenth. This writes just the rows that
start_trace, link_prompts_to_trace and log_spans write; a test compares every table. It serves only
where MLflow is of a version that was compared (`knows`); elsewhere `calls` does.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
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
from workbench.tracking.row_trace import CONTENT, SOURCE_RUN, RowTrace, Source
from workbench.tracking.stored_trace import StoredTrace, slices
from workbench.tracking.trace_tables import HERE, Columns, TraceTables, association
from workbench.tracking.tracking_store import TrackingStore

COMPARED = {"3.17.2"}  # versions of MLflow
ROWS = 500  # in one transaction: some 0.3 s, in which nobody else writes

INFOS = models.SqlTraceInfo.__table__
TAGS = models.SqlTraceTag.__table__
METADATA = models.SqlTraceMetadata.__table__
ASSESSMENTS = models.SqlAssessments.__table__
SPANS = models.SqlSpan.__table__
LINKS = models.SqlEntityAssociation.__table__


def knows(place: TrackingStore) -> bool:
    """Whether this may write there: SQLite, and a version of MLflow that it was compared with.

    That the tables are that version's was seen when the store was opened.
    """
    if mlflow.__version__ not in COMPARED or not place.uri.startswith("sqlite:"):
        return False
    return type(TracingClient(place.uri).store) is SqlAlchemyStore and not rollups_enabled()


@dataclass(frozen=True)
class BulkTraceWriter:
    """The traces of one run.

    Attributes:
        calls: for traces whose spans MLflow has archived.
    """

    place: TrackingStore
    source: Source
    calls: ClientTraceWriter

    def write(self, rows: Sequence[RowTrace], there: Mapping[str, StoredTrace]) -> None:
        """See `found.TraceWriter`. Five hundred rows at a time stand there whole, or not at all."""
        for some in slices(rows, ROWS):
            with self._store.ManagedSessionMaker() as session:
                archived = _archived(session, [made.id for made in some])
            if archived:
                self.calls.write([made for made in some if made.id in archived], there)
            self._write([made for made in some if made.id not in archived], there)

    def found(self, rows: Sequence[RowTrace]) -> dict[str, StoredTrace]:
        """See `found.TraceWriter`."""
        there: dict[str, StoredTrace] = {}
        for some in slices(rows, ROWS):
            ids = [made.id for made in some]
            with self._store.ManagedSessionMaker() as session:
                archived = _archived(session, ids)
                there |= _found(session, ids)
            there |= self.calls.found([made for made in some if made.id in archived])
        return there

    def ours(self) -> set[str]:
        """See `found.TraceWriter`."""
        rest = (METADATA, METADATA.c.key == SOURCE_RUN), (TAGS, TAGS.c.key == CONTENT)
        query = select(INFOS.c.request_id)
        for table, of_ours in rest:
            query = query.join(table, and_(table.c.request_id == INFOS.c.request_id, of_ours))
        query = query.where(
            INFOS.c.experiment_id == int(self.source.experiment_id),
            METADATA.c.value == self.source.run_id,
        )
        with self._store.ManagedSessionMaker() as session:
            return set(session.scalars(query))

    def link(self, ids: Sequence[str]) -> None:
        """See `found.TraceWriter`."""
        now = get_current_time_millis()
        missing = sorted(set(ids) - self.linked())
        columns = [association(one, ("run", self.source.run_id), now) for one in missing]
        with self._store.ManagedSessionMaker(read_only=False) as session:
            for some in slices(columns, ROWS):
                session.execute(insert(LINKS), some)

    def linked(self) -> set[str]:
        """See `found.TraceWriter`."""
        of = LINKS.c
        query = select(of.source_id).where(
            of.source_type == "trace",
            of.destination_type == "run",
            of.destination_id == self.source.run_id,
        )
        with self._store.ManagedSessionMaker() as session:
            return set(session.scalars(query))

    def _write(self, rows: Sequence[RowTrace], there: Mapping[str, StoredTrace]) -> None:
        tables = TraceTables(self.source, self._artifacts)
        for made in rows:
            tables.add(made)
        with self._store.ManagedSessionMaker(read_only=False) as session:
            ids = [made.id for made in rows]
            old = set(
                session.scalars(select(INFOS.c.request_id).where(INFOS.c.request_id.in_(ids)))
            )
            if old:
                _clear(session, [made for made in rows if made.id in old], there, tables)
                _replace(session, [one for one in tables.infos if one["request_id"] in old])
            new = [one for one in tables.infos if one["request_id"] not in old]
            for table, columns in (
                (INFOS, new),
                (TAGS, tables.tags),
                (METADATA, tables.metadata),
                (ASSESSMENTS, tables.assessments),
                (SPANS, tables.spans),
                (LINKS, tables.links),
            ):
                if columns:
                    session.execute(insert(table), columns)

    @cached_property
    def _store(self) -> SqlAlchemyStore:
        return TracingClient(self.place.uri).store

    @cached_property
    def _artifacts(self) -> str:
        experiment = self.place.client.get_experiment(self.source.experiment_id)
        return str(experiment.artifact_location)


def _clear(
    session: Session,
    rows: Sequence[RowTrace],
    there: Mapping[str, StoredTrace],
    tables: TraceTables,
) -> None:
    """Takes away what is ours of some traces: a replaced row gets all of it anew."""
    ids = [made.id for made in rows]
    spans = [span for made in rows for span in made.span_ids]
    scores: Set[str] = set().union(*(made.scores | made.expectations for made in rows))
    scores |= set().union(*(there[m.id].strays(m) for m in rows if m.id in there))
    for table, ours in (
        (TAGS, and_(TAGS.c.request_id.in_(ids), TAGS.c.key.in_(_keys(tables.tags)))),
        (
            METADATA,
            and_(METADATA.c.request_id.in_(ids), METADATA.c.key.in_(_keys(tables.metadata))),
        ),
        (ASSESSMENTS, ASSESSMENTS.c.assessment_id.in_(scores)),
        (SPANS, and_(SPANS.c.trace_id.in_(ids), SPANS.c.span_id.in_(spans))),
        (LINKS, and_(LINKS.c.source_id.in_(ids), LINKS.c.destination_type == "prompt_version")),
    ):
        session.execute(delete(table).where(ours))


def _keys(columns: Sequence[Columns]) -> set[str]:
    return {one["key"] for one in columns}


def _replace(session: Session, infos: Sequence[Columns]) -> None:
    named = [{f"new_{key}": value for key, value in one.items()} for one in infos]
    values: dict[str, Any] = {
        key: bindparam(f"new_{key}") for key in infos[0] if key != "request_id"
    }
    values["db_payload_generation"] = INFOS.c.db_payload_generation + 2  # MLflow's two calls
    this = INFOS.c.request_id == bindparam("new_request_id")
    session.connection().execute(update(INFOS).where(this).values(values), named)


def _found(session: Session, ids: Sequence[str]) -> dict[str, StoredTrace]:
    root = case((SPANS.c.parent_span_id.is_(None), SPANS.c.content))
    said: dict[str, str] = {}
    spans: defaultdict[str, set[str]] = defaultdict(set)
    assessments: defaultdict[str, dict[str, str]] = defaultdict(dict)
    query = select(SPANS.c.trace_id, SPANS.c.span_id, root).where(SPANS.c.trace_id.in_(ids))
    for trace_id, span_id, content in session.execute(query):
        spans[trace_id].add(span_id)
        if content:
            said[trace_id] = _said(content)
    of = ASSESSMENTS.c
    query = select(of.trace_id, of.assessment_id, of.name).where(of.trace_id.in_(ids))
    for trace_id, assessment_id, name in session.execute(query):
        assessments[trace_id][assessment_id] = name
    tags = dict(_tags(session, ids, CONTENT))
    known = session.scalars(select(INFOS.c.request_id).where(INFOS.c.request_id.in_(ids)))
    return {
        one: StoredTrace(tags.get(one, ""), spans[one], said.get(one, ""), assessments[one])
        for one in known
    }


def _said(content: str) -> str:
    attributes = json.loads(content)["attributes"]
    return str(json.loads(attributes[CONTENT])) if CONTENT in attributes else ""


def _archived(session: Session, ids: Sequence[str]) -> set[str]:
    tags = _tags(session, ids, TraceTagKey.SPANS_LOCATION)
    return {trace_id for trace_id, where in tags if where != HERE}


def _tags(session: Session, ids: Sequence[str], key: str) -> list[tuple[str, str]]:
    """Trace ids with what their tag of this name says."""
    query = select(TAGS.c.request_id, TAGS.c.value)
    query = query.where(TAGS.c.request_id.in_(ids), TAGS.c.key == key)
    return [(trace_id, value) for trace_id, value in session.execute(query)]
