"""Traces by MLflow's own calls: on a server, and in a database of a make that `bulk` doesn't know.

    start_trace             a request a row: its tags, its scores
    link_prompts_to_trace   a request a row: for the prompt's page and the filter by prompt
    log_spans               a request for all rows: comes last, so a row with its spans is whole

TracingClient and its store are no documented API of MLflow; the tests read everything back through
the public one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlflow.entities import Span, Trace, TraceInfo
from mlflow.tracing.client import TracingClient
from mlflow.tracing.constant import TraceTagKey

from workbench.tracking.row_trace import CONTENT, SOURCE_RUN, RowTrace, Source
from workbench.tracking.stored_trace import StoredTrace, slices
from workbench.tracking.tracking_store import TrackingStore

AT_ONCE = 8  # requests to a server; MLflow's own client keeps ten connections
SPANS_OF = 50  # traces whose spans go into one request
BATCH = 10  # traces; MLflow's client asks a server for no more at once
PAGE = 200  # traces
LINKED_AT_ONCE = 100  # the most that MLflow takes


@dataclass(frozen=True)
class ClientTraceWriter:
    """The traces of one run."""

    place: TrackingStore
    source: Source

    def write(self, rows: Sequence[RowTrace], there: Mapping[str, StoredTrace]) -> None:  # noqa: ARG002
        """See `found.TraceWriter`. Scores that a row has no more are left to the reading back."""
        for some in slices(rows, SPANS_OF):
            self._each(self._begin, some)
            spans: list[Span] = []
            for made in some:
                spans += made.spans()
            self._store.log_spans(self.source.experiment_id, spans)

    def found(self, rows: Sequence[RowTrace]) -> dict[str, StoredTrace]:
        """See `found.TraceWriter`. What has no spans yet can't be asked for whole."""
        ids = [made.id for made in rows]
        infos = [
            one for some in slices(ids, PAGE) for one in self._store.batch_get_trace_infos(some)
        ]
        whole = [one.trace_id for one in infos if TraceTagKey.SPANS_LOCATION in one.tags]
        traces = self._each(self._store.batch_get_traces, slices(whole, BATCH))
        spans = {trace.info.trace_id: trace.data.spans for some in traces for trace in some}
        return {one.trace_id: _found(one, spans.get(one.trace_id, [])) for one in infos}

    def ours(self) -> set[str]:
        """See `found.TraceWriter`."""
        written = filter(self._is_written, self._pages())
        return {one.info.trace_id for one in written if CONTENT in one.info.tags}

    def link(self, ids: Sequence[str]) -> None:
        """See `found.TraceWriter`. MLflow leaves out what is linked already."""
        self._each(self._link, slices(ids, LINKED_AT_ONCE))

    def linked(self) -> set[str]:
        """See `found.TraceWriter`."""
        return {one.info.trace_id for one in self._pages() if not self._is_written(one)}

    def _link(self, ids: Sequence[str]) -> None:
        self._store.link_traces_to_run(list(ids), self.source.run_id)

    def _begin(self, made: RowTrace) -> None:
        self._store.start_trace(made.info())
        self._store.link_prompts_to_trace(made.id, [self._version])

    def _each(self, act: Callable[[Any], Any], these: Iterable[Any]) -> list[Any]:
        """In threads where a server answers: a database has one writer at a time."""
        if not self.place.uri.startswith("http"):
            return [act(one) for one in these]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(act, these))

    def _is_written(self, trace: Trace) -> bool:
        """To this run: a trace that is linked to it was written to another."""
        written: str | None = trace.info.trace_metadata.get(SOURCE_RUN)
        return written == self.source.run_id

    def _pages(self) -> Iterator[Trace]:
        token = None
        while True:
            page = self.place.client.search_traces(
                locations=[self.source.experiment_id],
                run_id=self.source.run_id,
                include_spans=False,
                max_results=PAGE,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    @cached_property
    def _store(self) -> Any:
        return TracingClient(self.place.uri).store

    @cached_property
    def _version(self) -> Any:
        prompt = self.source.variant.prompt
        return self.place.client.get_prompt_version(prompt.registered_name, str(prompt.version))


def _found(info: TraceInfo, spans: Sequence[Span]) -> StoredTrace:
    said = [span.attributes.get(CONTENT) for span in spans]
    return StoredTrace(
        info.tags.get(CONTENT, ""),
        {span.span_id for span in spans},
        next(filter(None, said), ""),
        {one.assessment_id: one.name for one in info.assessments},
    )
