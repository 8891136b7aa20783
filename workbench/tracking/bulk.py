"""Traces written straight into the tables of an SQLite store, some hundred rows per transaction.

MLflow's client opens a transaction per row, goes through its object mapper and reads back what it
writes: some 8 ms a row, of which the rows themselves need a tenth. This module writes the same rows
as start_trace, link_prompts_to_trace and log_spans, where `trace_writers` finds that it does.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

from mlflow.exceptions import MlflowException
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.time import get_current_time_millis
from sqlalchemy import Table, and_, case, select
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from workbench.tracking.client_writer import ClientTraceWriter, StoredTrace, batches
from workbench.tracking.row_trace import CONTENT, SOURCE_RUN, RowTrace
from workbench.tracking.trace_tables import (
    ASSESSMENTS,
    INFOS,
    LINKS,
    METADATA,
    SPANS,
    TAGS,
    Columns,
    association,
    table_rows,
)

BATCH = 500  # rows per transaction: some 0.3 s, in which nobody else can write


class BulkTraceWriter(ClientTraceWriter):
    """The traces of one run in an SQLite store."""

    def replace(self, row_traces: Sequence[RowTrace]) -> None:
        """See `ClientTraceWriter`. A batch of 500 rows is written completely or not at all."""
        for batch in batches(row_traces, BATCH):
            self._replace_batch(batch)

    def read(self, row_traces: Sequence[RowTrace]) -> dict[str, StoredTrace]:
        """See `ClientTraceWriter`."""
        stored: dict[str, StoredTrace] = {}
        for batch in batches(row_traces, BATCH):
            with self._sql_store.ManagedSessionMaker() as session:
                stored |= _read_traces(session, [trace.id for trace in batch])
        return stored

    def written_ids(self) -> set[str]:
        """See `ClientTraceWriter`."""
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
        """See `ClientTraceWriter`."""
        now_ms = get_current_time_millis()
        missing = sorted(set(trace_ids) - self.linked_ids())
        links = [association(trace_id, ("run", self.run.run_id), now_ms) for trace_id in missing]
        with self._sql_store.ManagedSessionMaker(read_only=False) as session:
            for batch in batches(links, BATCH):
                session.execute(insert(LINKS).prefix_with("OR IGNORE"), batch)

    def shown_count(self) -> int:
        """See `ClientTraceWriter`."""
        return len(self.written_ids() | self.linked_ids())

    def linked_ids(self) -> set[str]:
        """See `ClientTraceWriter`. MLflow leaves the links of deleted traces."""
        query = select(LINKS.c.source_id).where(
            LINKS.c.source_type == "trace",
            LINKS.c.destination_type == "run",
            LINKS.c.destination_id == self.run.run_id,
            LINKS.c.source_id.in_(select(INFOS.c.request_id)),
        )
        with self._sql_store.ManagedSessionMaker() as session:
            return set(session.scalars(query))

    def _replace_batch(self, row_traces: Sequence[RowTrace]) -> None:
        tables = table_rows(row_traces, self._artifact_location)
        try:
            self._insert(tables, replaces=False)  # faster
        except MlflowException as error:
            # The traces are stored, or MLflow left links behind when it deleted them.
            if not isinstance(error.__cause__, IntegrityError):
                raise
            self._insert(tables, replaces=True)

    def _insert(self, tables: Mapping[Table, Sequence[Columns]], *, replaces: bool) -> None:
        with self._sql_store.ManagedSessionMaker(read_only=False) as session:
            for table, rows in tables.items():
                if rows and not replaces:
                    session.execute(insert(table), rows)
                elif table is INFOS:
                    session.execute(_upsert(rows[0]), rows)
                elif rows:
                    session.execute(insert(table).prefix_with("OR REPLACE"), rows)

    @cached_property
    def _sql_store(self) -> SqlAlchemyStore:
        return self._tracing_client.store

    @cached_property
    def _artifact_location(self) -> str:
        experiment = self.store.client.get_experiment(self.run.experiment_id)
        return str(experiment.artifact_location)


def _upsert(info: Mapping[str, object]) -> Insert:
    """An insert that keeps a stored trace's row, on which what people added depends."""
    statement = insert(INFOS)
    columns = {column: statement.excluded[column] for column in info}
    columns["db_payload_generation"] = INFOS.c.db_payload_generation + 2  # MLflow's two calls
    return statement.on_conflict_do_update(None, set_=columns)


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
    query = select(TAGS.c.request_id, TAGS.c.value)
    query = query.where(TAGS.c.request_id.in_(trace_ids), TAGS.c.key == CONTENT)
    tag_digests: dict[str, str] = dict(session.execute(query).all())
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
