"""The traces of a run, one a row, written and counted.

TracingClient and its store are no documented API of MLflow; they stand here alone, and a test
reads everything back through the public one.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow.entities import Feedback, Span
from mlflow.tracing.client import TracingClient

from workbench.canonical import JSON
from workbench.model import Request
from workbench.results import Row
from workbench.tracking.place import Place
from workbench.tracking.trace import PREVIEW, RowTrace, Source

SPANS_AT_ONCE = 400


@dataclass(frozen=True)
class Traces:
    """The traces of one run.

    Attributes:
        begun: the time that stands on them, milliseconds since 1970.
    """

    place: Place
    source: Source
    begun: int

    def write(self, rows: Sequence[Row], bodies: Mapping[str, Request]) -> None:
        """One trace for each row that was answered or failed.

        Args:
            rows: with their scores.
            bodies: the requests by key.
        """
        client = TracingClient(self.place.uri)
        prompt = self.source.variant.prompt
        version = self.place.client.get_prompt_version(prompt.registered_name, str(prompt.version))
        names = _unique_names(rows)
        spans: list[Span] = []
        for number, row in enumerate(rows):
            if row.completion is None:
                continue
            # MLflow lists the newest first: so the dataset's order is the page's.
            made = RowTrace(self.source, row, row.completion, names[number], self.begun - number)
            client.start_trace(made.info())
            client.store.link_prompts_to_trace(made.id, [version])
            spans += made.spans(dict(bodies[row.cell.key].body))
            if len(spans) >= SPANS_AT_ONCE:
                client.log_spans(self.source.experiment_id, spans)
                spans = []
        if spans:
            client.log_spans(self.source.experiment_id, spans)

    def count(self) -> tuple[int, int]:
        """How many traces and how many scores MLflow holds, read back through its public API."""
        traces = feedback = 0
        token = None
        while True:
            page = self.place.client.search_traces(
                locations=[self.source.experiment_id],
                run_id=self.source.run_id,
                max_results=500,
                page_token=token,
                include_spans=False,
            )
            traces += len(page)
            feedback += sum(
                isinstance(one, Feedback) for trace in page for one in trace.info.assessments
            )
            token = page.token
            if not token:
                return traces, feedback


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
