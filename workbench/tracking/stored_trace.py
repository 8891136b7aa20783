"""Rows' traces as read from the tracking store, and counts of them.

StoredTrace("9f86d081884c7d65", {"1f2e…", "77ab…"}, "9f86d081884c7d65", {"a-31…": "exact_match", …})
TraceCount(traces=200, spans=400, scores=600, expectations=200)
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from workbench.tracking.row_trace import RowTrace

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


def batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Split a sequence into batches of `size`, in order."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
