"""The traces of a run, one per row: written, read back, and deleted when the row is gone.

writer = open_traces(store, run)       BulkTraceWriter or ClientTraceWriter
writer.write(row_traces)               in batches; safe to repeat after a kill
writer.count(row_traces)               TraceCount(200, spans=400, scores=600, expectations=200)
writer.delete_obsolete(trace_ids)      once, when all rows are written
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from mlflow.tracing.client import TracingClient

from workbench.tracking.row_trace import RowTrace, TraceRun
from workbench.tracking.tracking_store import TrackingStore

DELETE_BATCH = 100  # MLflow's limit
T = TypeVar("T")


class TraceCount(NamedTuple):
    """Numbers of entities of a run's rows."""

    traces: int = 0
    spans: int = 0
    scores: int = 0
    expectations: int = 0

    def plus(self, other: "TraceCount") -> "TraceCount":
        """The sum of two counts."""
        return TraceCount(*map(sum, zip(self, other, strict=True)))


def expected_count(row_traces: Sequence[RowTrace]) -> TraceCount:
    """The count of a store that holds all of these rows."""
    return TraceCount(
        len(row_traces),
        sum(len(trace.span_ids) for trace in row_traces),
        sum(len(trace.feedback_ids) for trace in row_traces),
        sum(len(trace.expectation_ids) for trace in row_traces),
    )


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """One trace as read from the store.

    Attributes:
        tag_digest: of its content, from the trace's tag; empty without that tag.
        span_ids: of all of its spans.
        span_digest: of its content, from the row's span; empty without that span.
        assessments: names by assessment id, including those that people added.
    """

    tag_digest: str
    span_ids: Set[str]
    span_digest: str
    assessments: Mapping[str, str]

    def matches(self, row_trace: RowTrace) -> bool:
        """True if the store holds everything of the row, as it is now."""
        return (
            self.tag_digest == self.span_digest == row_trace.content_digest
            and self.span_ids >= set(row_trace.span_ids)
            and self.assessments.keys() >= row_trace.feedback_ids | row_trace.expectation_ids
        )

    def obsolete_ids(self, row_trace: RowTrace) -> Set[str]:
        """The ids of assessments that workbench wrote and the row no longer has."""
        ids = {key for key, name in self.assessments.items() if row_trace.wrote(key, name)}
        return ids - row_trace.feedback_ids - row_trace.expectation_ids


@dataclass(frozen=True)
class TraceWriter(ABC):
    """Writes and reads the traces of one run."""

    store: TrackingStore
    run: TraceRun

    def write(self, row_traces: Sequence[RowTrace]) -> None:
        """Write the rows that the store lacks, and replace those that differ.

        Assessments that people added to a replaced row stay.

        Raises:
            MlflowException: not all could be written.
        """
        stored = self.read(row_traces)
        changed = [t for t in row_traces if t.id not in stored or not stored[t.id].matches(t)]
        if changed:
            self.replace(changed, stored)

    def count(self, row_traces: Sequence[RowTrace]) -> TraceCount:
        """Read the rows back and count them; delete scores of replaced completions.

        Assessments that people added are not counted.
        """
        count = TraceCount()
        stored = self.read(row_traces)
        for trace in (trace for trace in row_traces if trace.id in stored):
            stored_trace = stored[trace.id]
            spans = len(stored_trace.span_ids & set(trace.span_ids))
            scores = len(stored_trace.assessments.keys() & trace.feedback_ids)
            expectations = len(stored_trace.assessments.keys() & trace.expectation_ids)
            count = count.plus(TraceCount(1, spans, scores, expectations))
            for assessment_id in stored_trace.obsolete_ids(trace):
                TracingClient(self.store.uri).delete_assessment(trace.id, assessment_id)
        return count

    def matching_ids(self, row_traces: Sequence[RowTrace]) -> set[str]:
        """The ids of the traces that are stored exactly as they would be written."""
        stored = self.read(row_traces)
        return {t.id for t in row_traces if t.id in stored and stored[t.id].matches(t)}

    def delete_obsolete(self, trace_ids: Collection[str]) -> None:
        """Delete the traces of rows that are no longer in the run.

        Args:
            trace_ids: of all rows of the run.
        """
        obsolete = sorted(self.written_ids() - set(trace_ids))
        for batch in batches(obsolete, DELETE_BATCH):
            self.store.client.delete_traces(self.run.experiment_id, trace_ids=list(batch))

    @abstractmethod
    def replace(self, row_traces: Sequence[RowTrace], stored: Mapping[str, StoredTrace]) -> None:
        """Write every row, over its stored trace if there is one."""

    @abstractmethod
    def read(self, row_traces: Sequence[RowTrace]) -> dict[str, StoredTrace]:
        """The stored traces of these rows, by trace id."""

    @abstractmethod
    def written_ids(self) -> set[str]:
        """The ids of all traces that workbench wrote to the run."""

    @abstractmethod
    def link(self, trace_ids: Collection[str]) -> None:
        """Show traces of other runs in this run, with their scores.

        They still belong to the other runs: a trace replaced or deleted there changes here too.
        """

    @abstractmethod
    def linked_ids(self) -> set[str]:
        """The ids of the traces that are linked to the run."""


def batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Split a sequence into batches of `size`, in order."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
