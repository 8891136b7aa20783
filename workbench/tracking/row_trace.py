"""One row as MLflow's entities: a trace, its two spans, its assessments.

    tr-<hash of run, example, repeat>
      span  zero_shot                  inputs of the example -> the output
        span  openai:gpt-6-luna       the messages as sent -> the reply
      assessments                      a Feedback per score, an Expectation per expectation

The ids are hashes of the run and the row, so recording a row twice changes nothing.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from mlflow.entities import (
    Assessment,
    AssessmentError,
    AssessmentSource,
    AssessmentSourceType,
    Expectation,
    Feedback,
    Span,
    TraceInfo,
    TraceLocation,
    TraceState,
)

from workbench.canonical import JSON, digest, hash_parts, plain_json, unescaped_json
from workbench.judges.judge import Judge
from workbench.model import Completion, Request
from workbench.plan import Variant
from workbench.project import Price
from workbench.prompt.tools import chat_tools
from workbench.results.types import Row
from workbench.serving.traces.call_span import (
    MIN_MS,
    SpanPlace,
    call_attributes,
    span_fields,
    token_usage,
)
from workbench.storable_text import MAX_TAG, shorten
from workbench.tracking.registry import linked_prompts
from workbench.tracking.row_records import PREVIEW_LENGTH, rationale, trace_id

CONTENT = "workbench.content"
FORMAT = 3  # of the entities below; rows recorded in another format are written again
SOURCE_RUN = "mlflow.sourceRun"
MAX_REQUEST_ID, MAX_MODEL = 50, 500  # characters in MLflow's tables
UNCALIBRATED = "uncalibrated"
CODE = AssessmentSource(source_type=AssessmentSourceType.CODE, source_id="workbench")
HUMAN = AssessmentSource(source_type=AssessmentSourceType.HUMAN, source_id="dataset")


@dataclass(frozen=True)
class TraceRun:
    """The run that a trace belongs to.

    Attributes:
        price: of the model; None if unknown.
        judges: of the experiment, by the name of their metric.
    """

    experiment_id: str
    run_id: str
    variant: Variant
    price: Price | None
    judges: Mapping[str, Judge] = field(default_factory=dict)


@dataclass(frozen=True)
class RowTrace:
    """One row that has a completion, as MLflow's entities.

    Attributes:
        name: shown as the request's preview.
        start_ms: milliseconds since 1970.
    """

    run: TraceRun
    row: Row
    request: Request
    name: str
    start_ms: int

    @property
    def completion(self) -> Completion:
        """The row's completion."""
        assert self.row.completion
        return self.row.completion

    @cached_property
    def id(self) -> str:
        """The trace id: a hash of the run and the row, not of the content."""
        return trace_id(self.run.run_id, self.row.cell.example.id, self.row.cell.repeat)

    @cached_property
    def content_digest(self) -> str:
        """Digest of the completion, the scores, the cost, and a prompt without a version."""
        completion = replace(self.completion, stored=False)
        parts = [FORMAT, self.name, ascii(completion), ascii(dict(self.row.scores))]
        unregistered = "no version" if self.run.variant.prompt.version is None else ""
        # Rows without them keep the digest of the versions that didn't have them.
        optional = [
            completion.reasoning,
            self._cost(),
            unregistered,
            completion.usage.cached_tokens,
        ]
        parts += filter(None, [*optional, list(completion.tool_calls)])
        return digest(parts)[:16]

    @cached_property
    def span_ids(self) -> tuple[str, str]:
        """The ids of the row's span and of the call's span inside it."""
        return hash_parts(16, self.id, "row"), hash_parts(16, self.id, "call")

    @cached_property
    def entity_ids(self) -> Mapping[str, Set[str]]:
        """The ids of everything that MLflow is to hold of the row, by kind."""
        return {
            "traces": {self.id},
            "spans": set(self.span_ids),
            "scores": set(self._score_ids.values()),
            "expectations": set(self._expectation_ids.values()),
        }

    def wrote(self, assessment_id: str, name: str) -> bool:
        """True if workbench wrote this assessment, now or for an earlier completion."""
        kinds = ("feedback", "expectation")
        return assessment_id in {self._assessment_id(kind, name) for kind in kinds}

    @cached_property
    def _score_ids(self) -> Mapping[str, str]:
        return {name: self._assessment_id("feedback", name) for name in self.row.scores}

    @cached_property
    def _expectation_ids(self) -> Mapping[str, str]:
        names = self.row.cell.example.expectations
        return {name: self._assessment_id("expectation", name) for name in names}

    def _assessment_id(self, kind: str, name: str) -> str:
        return f"a-{hash_parts(32, self.id, kind, name)}"

    def trace_info(self) -> TraceInfo:
        """The trace without its spans."""
        cell = self.row.cell
        inputs = dict(cell.example.inputs)
        repeat = f"#{cell.repeat}" if cell.repeat else ""
        return TraceInfo(
            trace_id=self.id,
            trace_location=TraceLocation.from_experiment_id(self.run.experiment_id),
            request_time=self.start_ms,
            state=TraceState.OK if self.completion.scored else TraceState.ERROR,
            execution_duration=self._duration_ms,
            client_request_id=shorten(cell.example.id, MAX_REQUEST_ID - len(repeat)) + repeat,
            request_preview=self.name,
            response_preview=(self.completion.text or self.completion.error)[:PREVIEW_LENGTH],
            trace_metadata={
                SOURCE_RUN: self.run.run_id,
                "mlflow.traceInputs": _metadata(inputs),
                "mlflow.traceOutputs": _metadata(self._output),
                **self._usage(),
            },
            tags={
                "mlflow.traceName": self.run.variant.name,
                **linked_prompts(self.run.variant.prompt),
                "workbench.example": shorten(cell.example.id, MAX_TAG),
                "workbench.repeat": str(cell.repeat),
                "workbench.state": self.completion.state,
                "workbench.key": self.completion.key,
                CONTENT: self.content_digest,
            },
            assessments=self._assessments(),
        )

    def spans(self) -> list[Span]:
        """The span of the row and, inside it, the span of the call."""
        return [Span.from_dict(fields) for fields in self.span_fields()]

    def span_fields(self) -> list[dict[str, Any]]:
        """The fields of both spans, as in MLflow's `Span.to_dict`; empty ones are left out."""
        row_id, call_id = self.span_ids
        variant = self.run.variant
        row: dict[str, JSON] = {
            "mlflow.spanType": "CHAIN",
            "mlflow.spanInputs": dict(self.row.cell.example.inputs),
            "mlflow.spanOutputs": self._output,
            CONTENT: self.content_digest,
        }
        tools = chat_tools(variant.prompt.settings.tools)
        call = call_attributes(self.request.body, self.completion, tools) | self._cost()
        return [
            self._span_fields(row_id, "", variant.name, row),
            self._span_fields(call_id, row_id, variant.model.model.ref, call),
        ]

    def _span_fields(
        self, span_id: str, parent_id: str, name: str, attributes: dict[str, JSON]
    ) -> dict[str, Any]:
        start_ns = self.start_ms * 10**6
        place = SpanPlace(
            self.id, span_id, parent_id, start_ns, start_ns + self._duration_ms * 10**6
        )
        error = None if self.completion.scored else self.completion.error
        return span_fields(place, name, attributes, error=error)

    def _assessments(self) -> list[Assessment]:
        end_ms = self.start_ms + self._duration_ms
        # Without mlflow.assessment.sourceRunId: a run that the trace is linked to would hide them.
        times = {"trace_id": self.id, "create_time_ms": end_ms, "last_update_time_ms": end_ms}
        assessments: list[Assessment] = []
        for name, score in self.row.scores.items():
            feedback = Feedback(
                name=name,
                value=None if score.error else score.value,
                error=AssessmentError("EVALUATOR_ERROR", score.error) if score.error else None,
                rationale=rationale(score),
                **_source(self.run.judges.get(name)),
                **times,
            )
            feedback.assessment_id = self._score_ids[name]
            assessments.append(feedback)
        for name, value in self.row.cell.example.expectations.items():
            expectation = Expectation(name=name, value=value, source=HUMAN, **times)
            expectation.assessment_id = self._expectation_ids[name]
            assessments.append(expectation)
        return assessments

    @property
    def _output(self) -> str | None:
        return self.completion.text if self.completion.scored else None

    @property
    def _duration_ms(self) -> int:
        return max(MIN_MS, round((self.completion.latency_s or 0) * 1000))

    def _usage(self) -> dict[str, str]:
        if not (tokens := token_usage(self.completion.usage)):
            return {}
        cost = self._cost()
        return {
            "mlflow.trace.tokenUsage": plain_json(tokens),
            **({"mlflow.trace.cost": plain_json(cost["mlflow.llm.cost"])} if cost else {}),
        }

    def _cost(self) -> dict[str, JSON]:
        """Empty if the price is unknown: MLflow would guess one from the model's name."""
        usage, price = self.completion.usage, self.run.price
        if price is None or usage.input_tokens is None or usage.output_tokens is None:
            return {}
        costs = {
            "input_cost": price.input_cost(usage.input_tokens, usage.cached_tokens or 0),
            "output_cost": usage.output_tokens * price.output / 1e6,
        }
        return {
            "mlflow.llm.model": shorten(self.run.variant.model.model.name, MAX_MODEL),
            "mlflow.llm.provider": self.run.variant.model.model.provider,
            "mlflow.llm.cost": {**costs, "total_cost": sum(costs.values())},
        }


def _source(judge: Judge | None) -> dict[str, Any]:
    """The source of a score, and of a judge what is known of it; None: it is computed."""
    if judge is None:
        return {"source": CODE}
    models = ", ".join(model.model.ref for model in judge.models)
    source = f"{judge.prompt_name} on {models}"
    kind = AssessmentSourceType.LLM_JUDGE
    return {
        "source": AssessmentSource(source_type=kind, source_id=shorten(source, MAX_TAG)),
        "metadata": {
            "workbench.judge": judge.digest,
            "workbench.prompt": judge.prompt.digest,
            "workbench.kappa": _kappa(judge),
        },
    }


def _kappa(judge: Judge) -> str:
    if judge.record is None:
        return UNCALIBRATED
    return "none" if judge.record.kappa is None else f"{judge.record.kappa:.2f}"


def _metadata(value: JSON) -> str:
    """The value as JSON, cut off where MLflow's table ends; the spans have all of it."""
    return shorten(unescaped_json(value), MAX_TAG)
