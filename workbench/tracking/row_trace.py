"""One row as MLflow's entities: a trace, its two spans, its assessments.

    tr-<hash of run, example, repeat>
      span  zero_shot                  inputs of the example -> the answer
        span  openai:gpt-4o-mini       the messages as sent -> the reply
      assessments                      a Feedback an evaluator, an Expectation a wanted answer

The ids come from the run and the row, so recording twice is recording once.
"""

import json
from collections.abc import Set
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

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

from workbench.canonical import JSON, digest
from workbench.evaluator import Score
from workbench.model import Completion, Request
from workbench.plan import Variant
from workbench.project import Price
from workbench.results.metrics import Row
from workbench.tracking.row_records import PREVIEW_LENGTH

CONTENT = "workbench.content"
FORM = 2  # of what is written for a row; another one is written anew
SOURCE_RUN = "mlflow.sourceRun"
CODE = AssessmentSource(source_type=AssessmentSourceType.CODE, source_id="workbench")
HUMAN = AssessmentSource(source_type=AssessmentSourceType.HUMAN, source_id="dataset")


@dataclass(frozen=True)
class Source:
    """The run that a trace belongs to.

    Attributes:
        price: of the model; None where it isn't known.
    """

    experiment_id: str
    run_id: str
    variant: Variant
    price: Price | None


def trace_id(run_id: str, row: Row) -> str:
    """The id of a row's trace; of the run and the row, never of the content alone."""
    return f"tr-{_hex(32, run_id, row.cell.example.id, row.cell.repeat)}"


@dataclass(frozen=True)
class RowTrace:
    """One row that has a completion, as MLflow's entities."""

    of: Source
    row: Row
    request: Request
    name: str
    start: int

    @property
    def completion(self) -> Completion:
        """The row's."""
        assert self.row.completion
        return self.row.completion

    @cached_property
    def id(self) -> str:
        """Its trace id."""
        return trace_id(self.of.run_id, self.row)

    @cached_property
    def content(self) -> str:
        """The digest of what the trace says: of the answer and the scores."""
        answer = replace(self.completion, stored=False)
        return digest([FORM, self.name, ascii(answer), ascii(dict(self.row.scores))])[:16]

    @property
    def span_ids(self) -> tuple[str, str]:
        """Of the row, and of the call inside it."""
        return _hex(16, self.id, "row"), _hex(16, self.id, "call")

    @property
    def milliseconds(self) -> int:
        """How long it took; at least 1, so that MLflow draws it."""
        return max(1, round((self.completion.latency_s or 0) * 1000))

    def info(self) -> TraceInfo:
        """Everything but the spans."""
        prompt = self.of.variant.prompt
        answer = self.completion.text if self.completion.scored else None
        linked = [{"name": prompt.registered_name, "version": str(prompt.version)}]
        inputs = dict(self.row.cell.example.inputs)
        return TraceInfo(
            trace_id=self.id,
            trace_location=TraceLocation.from_experiment_id(self.of.experiment_id),
            request_time=self.start,
            state=TraceState.OK if self.completion.scored else TraceState.ERROR,
            execution_duration=self.milliseconds,
            client_request_id=self._row_name(),
            request_preview=self.name,
            response_preview=(self.completion.text or self.completion.error)[:PREVIEW_LENGTH],
            trace_metadata={
                SOURCE_RUN: self.of.run_id,
                "mlflow.traceInputs": json.dumps(inputs, ensure_ascii=False),
                "mlflow.traceOutputs": json.dumps(answer, ensure_ascii=False),
                **self._usage(),
                **self._trace_cost(),
            },
            tags={
                "mlflow.traceName": self.of.variant.name,
                "mlflow.linkedPrompts": json.dumps(linked),
                "workbench.example": self.row.cell.example.id,
                "workbench.repeat": str(self.row.cell.repeat),
                "workbench.state": self.completion.state,
                "workbench.key": self.completion.key,
                CONTENT: self.content,
            },
            assessments=self.assessments(),
        )

    def assessments(self) -> list[Assessment]:
        """The scores, then what was wanted."""
        return [*self._feedback(), *self._expectations()]

    @cached_property
    def scores(self) -> Set[str]:
        """The assessment ids of its scores."""
        return {_feedback_id(self.id, name) for name in self.row.scores}

    @cached_property
    def expectations(self) -> Set[str]:
        """The assessment ids of what was wanted."""
        return {_expectation_id(self.id, name) for name in self.row.cell.example.expectations}

    def is_own(self, assessment_id: str, name: str) -> bool:
        """Whether workbench wrote it, and nobody else."""
        return assessment_id in (_feedback_id(self.id, name), _expectation_id(self.id, name))

    def spans(self) -> list[Span]:
        """The row and, inside it, the call."""
        inputs = dict(self.row.cell.example.inputs)
        body = dict(self.request.body)
        answer = self.completion.text if self.completion.scored else None
        root, call = self.span_ids
        model = self.of.variant.model.model
        kind = "CHAT_MODEL" if "messages" in body else "LLM"
        more: dict[str, JSON] = self._cost()
        if kind == "CHAT_MODEL":
            more["mlflow.message.format"] = "openai"
        row: dict[str, JSON] = {CONTENT: self.content}
        return [
            self._span(root, None, self.of.variant.name, ("CHAIN", inputs, answer), row),
            self._span(call, root, model.ref, (kind, body, self._reply(kind)), more),
        ]

    def _reply(self, kind: str) -> JSON:
        if not self.completion.scored or kind == "LLM":
            return self.completion.text if self.completion.scored else None
        message = {"role": "assistant", "content": self.completion.text}
        finish = self.completion.finish_reason
        return {"choices": [{"index": 0, "finish_reason": finish, "message": message}]}

    def _span(
        self,
        span_id: str,
        parent: str | None,
        name: str,
        content: tuple[str, JSON, JSON],
        more: dict[str, JSON],
    ) -> Span:
        kind, inputs, outputs = content
        attributes = {
            "mlflow.traceRequestId": self.id,
            "mlflow.spanType": kind,
            "mlflow.spanInputs": inputs,
            "mlflow.spanOutputs": outputs,
            **more,
        }
        failed = not self.completion.scored
        return Span.from_dict(
            {
                "trace_id": self.id,
                "span_id": span_id,
                "parent_span_id": parent,
                "name": name,
                "start_time_unix_nano": self.start * 10**6,
                "end_time_unix_nano": (self.start + self.milliseconds) * 10**6,
                "events": [],
                "status": {
                    "code": "STATUS_CODE_ERROR" if failed else "STATUS_CODE_OK",
                    "message": self.completion.error if failed else "",
                },
                "attributes": {key: json.dumps(value) for key, value in attributes.items()},
            }
        )

    def _feedback(self) -> list[Assessment]:
        made: list[Assessment] = []
        for name, score in self.row.scores.items():
            feedback = Feedback(
                name=name,
                value=None if score.error else score.value,
                error=AssessmentError("EVALUATOR_ERROR", score.error) if score.error else None,
                source=CODE,
                rationale=_rationale(score),
                **self._common(),
            )
            feedback.assessment_id = _feedback_id(self.id, name)
            made.append(feedback)
        return made

    def _expectations(self) -> list[Assessment]:
        made: list[Assessment] = []
        for name, value in self.row.cell.example.expectations.items():
            expectation = Expectation(name=name, value=value, source=HUMAN, **self._common())
            expectation.assessment_id = _expectation_id(self.id, name)
            made.append(expectation)
        return made

    def _common(self) -> dict[str, JSON]:
        at = self.start + self.milliseconds
        # No mlflow.assessment.sourceRunId: a run that the trace is linked to would not show them.
        return {"trace_id": self.id, "create_time_ms": at, "last_update_time_ms": at}

    def _usage(self) -> dict[str, str]:
        usage = self.completion.usage
        if usage.input_tokens is None or usage.output_tokens is None:
            return {}
        total = usage.input_tokens + usage.output_tokens
        said = {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "total_tokens": total,
        }
        return {"mlflow.trace.tokenUsage": json.dumps(said)}

    def _trace_cost(self) -> dict[str, str]:
        cost = self._cost()
        return {"mlflow.trace.cost": json.dumps(cost["mlflow.llm.cost"])} if cost else {}

    def _cost(self) -> dict[str, JSON]:
        """Only where the price is known: else MLflow would guess one from the model's name."""
        usage, price = self.completion.usage, self.of.price
        if price is None or usage.input_tokens is None or usage.output_tokens is None:
            return {}
        parts = usage.input_tokens * price.input / 1e6, usage.output_tokens * price.output / 1e6
        return {
            "mlflow.llm.model": self.of.variant.model.model.name,
            "mlflow.llm.provider": self.of.variant.model.model.provider,
            "mlflow.llm.cost": {
                "input_cost": parts[0],
                "output_cost": parts[1],
                "total_cost": sum(parts),
            },
        }

    def _row_name(self) -> str:
        cell = self.row.cell
        return f"{cell.example.id}#{cell.repeat}" if cell.repeat else cell.example.id


def _feedback_id(trace: str, name: str) -> str:
    return f"a-{_hex(32, trace, 'feedback', name)}"


def _expectation_id(trace: str, name: str) -> str:
    return f"a-{_hex(32, trace, 'expectation', name)}"


def _rationale(score: Score) -> str | None:
    return " · ".join(part for part in (score.label, score.reason) if part) or None


def _hex(digits: int, *parts: object) -> str:
    return sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:digits]
