"""The traces of a run, one per row, written by MLflow's client and read back.

It serves servers, and databases that `bulk` does not support. Its requests:

    start_trace             a request per row: its tags and scores
    link_prompts_to_trace   a request per row: for the prompt's page and the filter by prompt
    log_spans               a request per batch, after the others: a row with spans is complete

TracingClient and its store are not documented API of MLflow. The tests read everything back through
the public API.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from mlflow.entities import Span, Trace, TraceInfo
from mlflow.exceptions import MlflowException
from mlflow.tracing.client import TracingClient
from mlflow.tracing.constant import TraceTagKey

from workbench.tracking.row_trace import CONTENT, SOURCE_RUN, RowTrace, TraceRun
from workbench.tracking.tracking_store import TrackingStore, is_refusal, read_pages

THREADS = 8  # concurrent requests to a server; MLflow's client keeps ten connections
SPANS_BATCH = 50  # traces whose spans go into one request
READ_BATCH = 10  # traces; MLflow's client requests no more from a server at once
PAGE = 200  # traces
MAX_LINK = 36  # characters of `name/version` in a link; only SQLite takes more
LINK_BATCH = DELETE_BATCH = 100  # MLflow's limits

T = TypeVar("T")


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

    @property
    def entity_ids(self) -> Set[str]:
        """The ids of its spans and assessments."""
        return self.span_ids | self.assessments.keys()

    def matches(self, row_trace: RowTrace) -> bool:
        """True if the store holds everything of the row, as it is now."""
        stored_ids = {row_trace.id} | self.entity_ids
        return self.tag_digest == self.span_digest == row_trace.content_digest and all(
            ids <= stored_ids for ids in row_trace.entity_ids.values()
        )

    def obsolete_ids(self, row_trace: RowTrace) -> Set[str]:
        """The ids of assessments that workbench wrote and the row no longer has."""
        other_ids = self.assessments.keys() - set().union(*row_trace.entity_ids.values())
        return {key for key in other_ids if row_trace.wrote(key, self.assessments[key])}


@dataclass
class ClientTraceWriter:
    """The traces of one run in any tracking store.

    Attributes:
        link_refused: the prompt's name is too long for the store's links from traces to prompts.
        listed_ids: of the run's traces; None: not listed, because ids can be looked up.
    """

    store: TrackingStore
    run: TraceRun
    link_refused: bool = field(default=False, init=False)
    listed_ids: set[str] | None = field(default=None, init=False)

    def write(self, row_traces: Sequence[RowTrace]) -> None:
        """Write the rows that the store lacks, and replace those that differ.

        Assessments that people added to a replaced row stay.

        Raises:
            MlflowException: not all could be written.
        """
        matching = self.matching_ids(row_traces)
        self.replace([trace for trace in row_traces if trace.id not in matching])

    def count(self, row_traces: Sequence[RowTrace]) -> Counter[str]:
        """Read the rows back and count them; delete scores of replaced completions.

        Assessments that people added are not counted.
        """
        count: Counter[str] = Counter()
        stored = self.read(row_traces)
        for trace in (trace for trace in row_traces if trace.id in stored):
            stored_ids = {trace.id} | stored[trace.id].entity_ids
            count.update({kind: len(ids & stored_ids) for kind, ids in trace.entity_ids.items()})
            for assessment_id in stored[trace.id].obsolete_ids(trace):
                self._tracing_client.delete_assessment(trace.id, assessment_id)
        return count

    def matching_ids(self, row_traces: Sequence[RowTrace]) -> set[str]:
        """The ids of the traces that are stored exactly as they would be written."""
        stored = self.read(row_traces)
        return {t.id for t in row_traces if t.id in stored and stored[t.id].matches(t)}

    def delete(self, trace_ids: Collection[str]) -> None:
        """Delete traces of this run.

        Raises:
            MlflowException: the store refuses it.
        """
        for batch in batches(sorted(trace_ids), DELETE_BATCH):
            self.store.client.delete_traces(self.run.experiment_id, trace_ids=list(batch))

    def replace(self, row_traces: Sequence[RowTrace]) -> None:
        """Write every row, over its stored trace if there is one.

        Scores that a row no longer has stay until the rows are counted.
        """
        for batch in batches(row_traces, SPANS_BATCH):
            self._map(self._start_trace, batch)
            spans = [span for trace in batch for span in trace.spans()]
            self._tracing_client.store.log_spans(self.run.experiment_id, spans)
            if self.listed_ids is not None:
                self.listed_ids.update(trace.id for trace in batch)

    def read(self, row_traces: Sequence[RowTrace]) -> dict[str, StoredTrace]:
        """The stored traces of these rows, by trace id."""
        infos: list[TraceInfo] = []
        for trace_ids in batches([trace.id for trace in row_traces], PAGE):
            infos += self._trace_infos(trace_ids)
        # MLflow can't return a trace without spans, only its info.
        complete = [info.trace_id for info in infos if TraceTagKey.SPANS_LOCATION in info.tags]
        traces = self._map(
            self._tracing_client.store.batch_get_traces, batches(complete, READ_BATCH)
        )
        spans = {trace.info.trace_id: trace.data.spans for batch in traces for trace in batch}
        return {info.trace_id: _stored_trace(info, spans.get(info.trace_id, [])) for info in infos}

    def _trace_infos(self, trace_ids: Sequence[str]) -> list[TraceInfo]:
        """The stored ones of these traces, without spans.

        A server with authentication refuses a request that names a trace it doesn't have. Then the
        run's traces are listed once.
        """
        read: Callable[[Sequence[str]], list[TraceInfo]] = (
            self._tracing_client.store.batch_get_trace_infos
        )
        if self.listed_ids is None:
            try:
                return read(trace_ids)
            except MlflowException as error:
                if error.error_code != "PERMISSION_DENIED":
                    raise
                self.listed_ids = {trace.info.trace_id for trace in self._traces()}
        listed = [trace_id for trace_id in trace_ids if trace_id in self.listed_ids]
        return read(listed) if listed else []

    def written_ids(self) -> set[str]:
        """The ids of all traces that workbench wrote to the run."""
        infos = (trace.info for trace in self._traces() if self._is_written_here(trace))
        return {info.trace_id for info in infos if CONTENT in info.tags}

    def link(self, trace_ids: Collection[str]) -> None:
        """Show traces of other runs in this run, with their scores.

        They still belong to the other runs: a trace replaced or deleted there changes here too.
        MLflow skips traces that are linked already.
        """
        self._map(
            lambda batch: self._tracing_client.store.link_traces_to_run(
                list(batch), self.run.run_id
            ),
            batches(sorted(trace_ids), LINK_BATCH),
        )

    def shown_count(self) -> int:
        """The number of traces that the run shows, written or linked."""
        return sum(1 for _ in self._traces())

    def linked_ids(self) -> set[str]:
        """The ids of the traces that are linked to the run."""
        return {t.info.trace_id for t in self._traces() if not self._is_written_here(t)}

    def _start_trace(self, trace: RowTrace) -> None:
        self._tracing_client.store.start_trace(trace.trace_info())
        prompt = self.run.variant.prompt
        if prompt.version is None or self.link_refused:
            return
        try:
            self._tracing_client.store.link_prompts_to_trace(trace.id, [self._prompt_version])
        except MlflowException as error:
            is_long = len(f"{prompt.registered_name}/{prompt.version}") > MAX_LINK
            if not (is_long and is_refusal(error)):
                raise
            self.link_refused = True

    def _map(self, function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
        """Call in threads for a server; a database has one writer at a time."""
        if not self.store.is_server:
            return list(map(function, arguments))
        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(function, arguments))

    def _is_written_here(self, trace: Trace) -> bool:
        """True if the trace was written to this run, not only linked to it."""
        return bool(trace.info.trace_metadata.get(SOURCE_RUN) == self.run.run_id)

    def _traces(self) -> Iterator[Trace]:
        return read_pages(
            lambda token: self.store.client.search_traces(
                locations=[self.run.experiment_id],
                run_id=self.run.run_id,
                include_spans=False,
                max_results=PAGE,
                page_token=token,
            )
        )

    @cached_property
    def _tracing_client(self) -> Any:
        return TracingClient(self.store.uri)

    @cached_property
    def _prompt_version(self) -> Any:
        prompt = self.run.variant.prompt
        return self.store.client.get_prompt_version(prompt.registered_name, str(prompt.version))


def _stored_trace(info: TraceInfo, spans: Sequence[Span]) -> StoredTrace:
    digests = [span.attributes.get(CONTENT) for span in spans]
    return StoredTrace(
        info.tags.get(CONTENT, ""),
        {span.span_id for span in spans},
        next(filter(None, digests), ""),
        {assessment.assessment_id: assessment.name for assessment in info.assessments},
    )


def expected_count(row_traces: Sequence[RowTrace]) -> Counter[str]:
    """The count of a store that holds all of these rows."""
    count: Counter[str] = Counter()
    for trace in row_traces:
        count.update({kind: len(ids) for kind, ids in trace.entity_ids.items()})
    return count


def batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Split a sequence into batches of `size`, in order."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
