"""The traces of a run, one a row: written, read back, and rid of what the run has no more.

    traces = Traces(place, source)
    traces.write(rows)           some hundred rows at a time; the same again after a kill
    traces.held(rows)            Count(traces=200, spans=400, scores=600, expectations=200)
    traces.tidy(ids)             once, when all are written

Written straight into an SQLite store of a make that `bulk` knows, else by MLflow's own calls.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mlflow.tracing.client import TracingClient

from workbench.tracking.bulk import BulkTraceWriter, knows
from workbench.tracking.client_writer import ClientTraceWriter
from workbench.tracking.row_trace import RowTrace, Source
from workbench.tracking.stored_trace import TraceWriter, slices
from workbench.tracking.tracking_store import TrackingStore

DELETED_AT_ONCE = 100  # the most that MLflow takes


class Count(NamedTuple):
    """How much of a run's rows MLflow holds."""

    traces: int = 0
    spans: int = 0
    scores: int = 0
    expectations: int = 0

    def plus(self, other: "Count") -> "Count":
        """Of two parts of a run."""
        return Count(*(one + two for one, two in zip(self, other, strict=True)))


def expected(rows: Sequence[RowTrace]) -> Count:
    """What there is to hold of these."""
    return Count(
        len(rows),
        sum(len(made.span_ids) for made in rows),
        sum(len(made.scores) for made in rows),
        sum(len(made.expectations) for made in rows),
    )


@dataclass(frozen=True)
class Traces:
    """The traces of one run.

    Attributes:
        way: None: the quickest that serves there.
    """

    place: TrackingStore
    source: Source
    way: TraceWriter | None = None

    def write(self, rows: Sequence[RowTrace]) -> None:
        """Some rows: what stands there whole is left, what differs is replaced.

        Somebody else's assessments of a replaced row stay.

        Raises:
            MlflowException: they could not be written, or not all.
        """
        there = self._way.found(rows)
        left = [made for made in rows if made.id not in there or not there[made.id].is_whole(made)]
        if left:
            self._way.write(left, there)

    def held(self, rows: Sequence[RowTrace]) -> Count:
        """What MLflow holds of these rows, read back.

        What somebody adds to a trace is not counted. The score of an answer that was replaced,
        ours and no more, is deleted.
        """
        count = Count()
        there = self._way.found(rows)
        for made in rows:
            if made.id not in there:
                continue
            found = there[made.id]
            ids = found.assessments.keys()
            spans = len(found.spans & set(made.span_ids))
            count = count.plus(
                Count(1, spans, len(ids & made.scores), len(ids & made.expectations))
            )
            for stray in found.strays(made):
                TracingClient(self.place.uri).delete_assessment(made.id, stray)
        return count

    def whole(self, rows: Sequence[RowTrace]) -> set[str]:
        """The ids of those that stand there just as they would be written."""
        there = self._way.found(rows)
        return {made.id for made in rows if made.id in there and there[made.id].is_whole(made)}

    def link(self, ids: Collection[str]) -> None:
        """Shows traces of other runs as this one's, too: rows, scores and pairs.

        They stay the other runs': what is replaced or deleted there is replaced or gone here.
        """
        self._way.link(sorted(ids))

    def linked(self) -> set[str]:
        """The ids of the traces that are linked to the run, read back."""
        return self._way.linked()

    def tidy(self, wanted: Collection[str]) -> None:
        """Deletes the traces of rows that are no more in the run.

        Args:
            wanted: the trace ids of all of its rows.
        """
        strays = sorted(self._way.ours() - set(wanted))
        for some in slices(strays, DELETED_AT_ONCE):
            self.place.client.delete_traces(self.source.experiment_id, trace_ids=list(some))

    @cached_property
    def _way(self) -> TraceWriter:
        if self.way:
            return self.way
        calls = ClientTraceWriter(self.place, self.source)
        return BulkTraceWriter(self.place, self.source, calls) if knows(self.place) else calls
