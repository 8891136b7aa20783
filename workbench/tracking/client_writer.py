"""Traces written by MLflow's client: to servers, and to databases that `bulk` does not support.

    start_trace             a request per row: its tags and scores
    link_prompts_to_trace   a request per row: for the prompt's page and the filter by prompt
    log_spans               a request per batch, after the others: a row with spans is complete

TracingClient and its store are not documented API of MLflow. The tests read everything back through
the public API.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from mlflow.entities import Span, Trace, TraceInfo
from mlflow.tracing.client import TracingClient
from mlflow.tracing.constant import TraceTagKey

from workbench.tracking.row_trace import CONTENT, SOURCE_RUN, RowTrace
from workbench.tracking.trace_writer import StoredTrace, TraceWriter, batches
from workbench.tracking.tracking_store import read_pages

THREADS = 8  # concurrent requests to a server; MLflow's client keeps ten connections
SPANS_BATCH = 50  # traces whose spans go into one request
READ_BATCH = 10  # traces; MLflow's client requests no more from a server at once
PAGE = 200  # traces
LINK_BATCH = 100  # MLflow's limit


class ClientTraceWriter(TraceWriter):
    """The traces of one run in any tracking store."""

    def replace(self, row_traces: Sequence[RowTrace], stored: Mapping[str, StoredTrace]) -> None:  # noqa: ARG002
        """See `TraceWriter`. Obsolete scores stay until the rows are counted."""
        for batch in batches(row_traces, SPANS_BATCH):
            self._map(self._start_trace, batch)
            spans: list[Span] = []
            for trace in batch:
                spans += trace.spans()
            self._mlflow_store.log_spans(self.run.experiment_id, spans)

    def read(self, row_traces: Sequence[RowTrace]) -> dict[str, StoredTrace]:
        """See `TraceWriter`. MLflow can't return a trace without spans, only its info."""
        infos: list[TraceInfo] = []
        for trace_ids in batches([trace.id for trace in row_traces], PAGE):
            infos += self._mlflow_store.batch_get_trace_infos(trace_ids)
        complete = [info.trace_id for info in infos if TraceTagKey.SPANS_LOCATION in info.tags]
        traces = self._map(self._mlflow_store.batch_get_traces, batches(complete, READ_BATCH))
        spans = {trace.info.trace_id: trace.data.spans for batch in traces for trace in batch}
        return {info.trace_id: _stored_trace(info, spans.get(info.trace_id, [])) for info in infos}

    def written_ids(self) -> set[str]:
        """See `TraceWriter`."""
        infos = (trace.info for trace in self._traces() if self._is_written_here(trace))
        return {info.trace_id for info in infos if CONTENT in info.tags}

    def link(self, trace_ids: Collection[str]) -> None:
        """See `TraceWriter`. MLflow skips traces that are linked already."""
        self._map(
            lambda batch: self._mlflow_store.link_traces_to_run(list(batch), self.run.run_id),
            batches(sorted(trace_ids), LINK_BATCH),
        )

    def linked_ids(self) -> set[str]:
        """See `TraceWriter`."""
        return {t.info.trace_id for t in self._traces() if not self._is_written_here(t)}

    def _start_trace(self, trace: RowTrace) -> None:
        self._mlflow_store.start_trace(trace.trace_info())
        self._mlflow_store.link_prompts_to_trace(trace.id, [self._prompt_version])

    def _map(self, function: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
        """Call in threads for a server; a database has one writer at a time."""
        if not self.store.uri.startswith("http"):
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
    def _mlflow_store(self) -> Any:
        return TracingClient(self.store.uri).store

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
