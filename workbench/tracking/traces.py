"""The traces of a run, one a row: written, and read back.

TracingClient and its store are no documented API of MLflow; they stand here alone, and a test
reads everything back through the public one.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from mlflow.entities import Expectation, Feedback, Span, Trace
from mlflow.tracing.client import TracingClient

from workbench.canonical import JSON
from workbench.errors import Stopped
from workbench.model import Request
from workbench.results import Row
from workbench.tracking.place import Place
from workbench.tracking.trace import CONTENT, PREVIEW, RowTrace, Source

ROWS_AT_ONCE = 50  # some 0.2 s of work on a machine of one's own: `stopped` is asked between
READ_AT_ONCE = 200  # traces a page, with their spans


class Count(NamedTuple):
    """How much of a run's rows MLflow holds."""

    traces: int
    spans: int
    scores: int
    expectations: int


@dataclass(frozen=True)
class Traces:
    """The traces of one run.

    Attributes:
        rows: of its variant, with their scores.
        bodies: the requests by key.
        begun: the time that stands on them, milliseconds since 1970.
    """

    place: Place
    source: Source
    rows: Sequence[Row]
    bodies: Mapping[str, Request]
    begun: int

    def write(self, *, goes_on: bool, stopped: Callable[[], bool]) -> None:
        """One trace for each row that was answered or failed.

        Args:
            goes_on: an attempt before this one was to write the same; what it wrote is left.
            stopped: asked before every fifty rows.

        Raises:
            Stopped: it said yes.
        """
        there = self._held() if goes_on else {}
        left = [
            made
            for made in self._wanted.values()
            if made.id not in there or not _is_whole(there[made.id], made)
        ]
        client = TracingClient(self.place.uri)
        prompt = self.source.variant.prompt
        version = self.place.client.get_prompt_version(prompt.registered_name, str(prompt.version))
        for start in range(0, len(left), ROWS_AT_ONCE):
            if stopped():
                raise Stopped
            some = left[start : start + ROWS_AT_ONCE]
            for made in some:
                client.start_trace(made.info())
                client.store.link_prompts_to_trace(made.id, [version])
            spans: list[Span] = []
            for made in some:
                spans += made.spans()
            client.log_spans(self.source.experiment_id, spans)

    def expected(self) -> Count:
        """What there is to hold."""
        infos = [made.assessments() for made in self._wanted.values()]
        kinds = Counter(type(one) for own in infos for one in own)
        return Count(len(infos), 2 * len(infos), kinds[Feedback], kinds[Expectation])

    def held(self) -> Count:
        """What MLflow holds of it, read back through its public API.

        What somebody adds to a trace is not counted. What is ours and no more, the score of an
        answer that was replaced, is deleted.
        """
        wanted = self._wanted
        found = self._held()
        strays = [key for key, one in found.items() if key not in wanted and _is_ours(one)]
        for start in range(0, len(strays), 100):
            self.place.client.delete_traces(
                self.source.experiment_id, trace_ids=strays[start : start + 100]
            )
        spans = 0
        kinds: Counter[type] = Counter()
        for key in wanted.keys() & found.keys():
            made = wanted[key]
            spans += len({span.span_id for span in found[key].data.spans} & set(made.span_ids))
            names = {one.assessment_id: type(one) for one in made.assessments()}
            own = made.own_assessments(found[key].info.assessments)
            kinds.update(names[one] for one in own if one in names)
            for stray in own - names.keys():
                TracingClient(self.place.uri).delete_assessment(key, stray)
        return Count(len(wanted.keys() & found.keys()), spans, kinds[Feedback], kinds[Expectation])

    @cached_property
    def _wanted(self) -> dict[str, RowTrace]:
        """By trace id, in the dataset's order."""
        names = _unique_names(self.rows)
        made = [
            # MLflow lists the newest first: so the dataset's order is the page's.
            RowTrace(
                self.source, row, self.bodies[row.cell.key], names[number], self.begun - number
            )
            for number, row in enumerate(self.rows)
            if row.completion is not None
        ]
        return {one.id: one for one in made}

    def _held(self) -> dict[str, Trace]:
        """By trace id."""
        return {trace.info.trace_id: trace for trace in self._pages()}

    def _pages(self) -> Iterator[Trace]:
        token = None
        while True:
            page = self.place.client.search_traces(
                locations=[self.source.experiment_id],
                run_id=self.source.run_id,
                max_results=READ_AT_ONCE,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return


def _is_ours(trace: Trace) -> bool:
    return CONTENT in trace.info.tags


def _is_whole(found: Trace, made: RowTrace) -> bool:
    """Whether nothing of a row has to be written again."""
    spans = {span.span_id: span.attributes.get(CONTENT) for span in found.data.spans}
    assessments = {one.assessment_id for one in found.info.assessments}
    return (
        found.info.tags.get(CONTENT) == made.content
        and spans.keys() >= set(made.span_ids)
        and spans[made.span_ids[0]] == made.content
        and assessments >= {one.assessment_id for one in made.assessments()}
    )


def _unique_names(rows: Sequence[Row]) -> list[str]:
    """By what a person knows each row: its one text, or all inputs.

    MLflow's comparison pairs the rows of two runs by this text and nothing else, so rows that
    read the same are told apart by their ids, and repeats by their numbers.
    """
    texts = [_preview(dict(row.cell.example.inputs)) for row in rows]
    seen = Counter(texts)
    names: list[str] = []
    for text, row in zip(texts, rows, strict=True):
        if seen[text] > 1 or len(text) > PREVIEW:
            repeat = f" #{row.cell.repeat + 1}" if seen[text] > 1 else ""
            names.append(f"{row.cell.example.id}{repeat} · {text}"[:PREVIEW])
        else:
            names.append(text)
    return names


def _preview(inputs: dict[str, JSON]) -> str:
    values = list(inputs.values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return json.dumps(inputs, ensure_ascii=False)
