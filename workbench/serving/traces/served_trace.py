"""A served call as MLflow's entities: a trace with a span of the request, and one for each answer.

    tr-<digits of the request id>
      span  /v1/chat/completions       inputs -> the answer
        span  openai:gpt-6-luna       the body as sent -> the reply
      tags       workbench.alias=production  workbench.model_version=triage.model/3  …
      metadata   mlflow.modelId=m-…  mlflow.trace.user=<name of the token>  …

All ids follow from the request id, so writing a call twice changes nothing.
"""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from mlflow.entities import (
    AssessmentSource,
    AssessmentSourceType,
    Feedback,
    Span,
    TraceInfo,
    TraceLocation,
    TraceState,
)

from workbench.canonical import JSON, hash_parts, plain_json, unescaped_json
from workbench.model import Completion, Usage
from workbench.serving.traces.call_span import (
    MIN_MS,
    SpanPlace,
    call_attributes,
    span_fields,
    token_usage,
)
from workbench.serving.traces.served_records import read_completion
from workbench.serving.traces.types import ServedFeedback
from workbench.storable_text import MAX_TAG, shorten

PREVIEW_LENGTH = 1000  # characters
PROMPT_URI = re.compile(r"prompts:/([^/@]+)/(\d+)")
REQUEST_ID = re.compile(r"req_([0-9a-f]{32})")
MS = 10**6  # nanoseconds


class ServedTrace:
    """A call from the outbox.

    Args:
        record: its fields, as `served_records` writes them.
        experiment_id: of the trace.
    """

    def __init__(self, record: Mapping[str, JSON], experiment_id: str) -> None:
        self._record = record
        self._experiment_id = experiment_id
        self._names: Mapping[str, str] = record["names"]
        self.id = trace_id(record["request_id"])

    @property
    def prompt_version(self) -> tuple[str, str] | None:
        """Name and version of the registered prompt; None if it has none."""
        match = PROMPT_URI.fullmatch(self._names["prompt_uri"])
        return (match[1], match[2]) if match else None

    def trace_info(self) -> TraceInfo:
        """The trace without its spans."""
        record, names = self._record, self._names
        inputs, output = self._inputs, self._output
        return TraceInfo(
            trace_id=self.id,
            trace_location=TraceLocation.from_experiment_id(self._experiment_id),
            request_time=record["started_ns"] // MS,
            state=TraceState.ERROR if self._is_error else TraceState.OK,
            execution_duration=max(MIN_MS, (self._end_ns - record["started_ns"]) // MS),
            client_request_id=record["request_id"],
            request_preview=_preview(inputs),
            response_preview=_preview(self._error if self._is_error else output),
            trace_metadata=_present(
                {
                    "mlflow.traceInputs": _metadata(inputs),
                    "mlflow.traceOutputs": _metadata(output),
                    "mlflow.modelId": names["model_id"],
                    "mlflow.trace.user": record["caller"],
                    "mlflow.trace.tokenUsage": self._usage,
                }
            ),
            tags=_present(self._tags()),
        )

    def _tags(self) -> dict[str, str]:
        record, names, prompt = self._record, self._names, self.prompt_version
        linked = [{"name": prompt[0], "version": prompt[1]}] if prompt else []
        model_version = f"{names['model_name']}/{names['model_version']}"
        tags = {
            "mlflow.traceName": names["variant"] or record["route"],
            "mlflow.linkedPrompts": json.dumps(linked) if linked else "",
            "workbench.route": record["route"],
            "workbench.status": str(record["status"]),
            "workbench.states": ", ".join(sorted({c.state for c in self._completions})),
            "workbench.caller": record["caller"],
            "workbench.variant": names["variant"],
            "workbench.alias": names["alias"],
            "workbench.model_version": model_version if names["model_name"] else "",
            "workbench.evaluation_run": names["run_id"],
            "workbench.texts": "" if record["texts"] else "off",
        }
        if record["rows"] > len(record["answers"]):
            tags["workbench.rows"] = f"the first {len(record['answers'])} of {record['rows']}"
        return {name: shorten(value, MAX_TAG) for name, value in tags.items()}

    def spans(self) -> list[Span]:
        """The request's span, and in it those of the model's calls."""
        record = self._record
        root_id = hash_parts(16, self.id, "request")
        root = SpanPlace(self.id, root_id, "", record["started_ns"], self._end_ns)
        attributes = {
            "mlflow.spanType": "CHAIN",
            "mlflow.spanInputs": self._inputs,
            "mlflow.spanOutputs": self._output,
        }
        error = self._error if self._is_error else None
        fields = [span_fields(root, record["route"], attributes, error=error)]
        for number, answer in enumerate(record["answers"]):
            if "completion" in answer:
                span_id = hash_parts(16, self.id, "call", number)
                fields.append(self._call_fields(answer, span_id, root_id))
        return [Span.from_dict(each) for each in fields]

    def _call_fields(self, answer: Mapping[str, JSON], span_id: str, root_id: str) -> Any:
        completion = read_completion(answer["completion"])
        end_ns = answer["answered_ns"] or self._end_ns
        latency_ns = round((completion.latency_s or 0) * 1e9)
        start_ns = answer["sent_ns"] or max(self._record["started_ns"], end_ns - latency_ns)
        place = SpanPlace(self.id, span_id, root_id, start_ns, max(end_ns, start_ns + MIN_MS * MS))
        body = answer.get("body") or {}
        tools = [tool for tool in body.get("tools") or [] if isinstance(tool, dict)]
        attributes = call_attributes(body, completion, tools)
        if not self._record["texts"]:
            attributes |= {"mlflow.spanInputs": None, "mlflow.spanOutputs": None}
        if usage := token_usage(completion.usage):
            attributes["workbench.usage"] = usage  # by MLflow's name, it would guess the cost
        attributes["workbench.finish_reason"] = completion.finish_reason
        name = completion.model or str(body.get("model") or "model")
        error = None if completion.scored else completion.error or completion.state
        return span_fields(place, name, attributes, error=error)

    @cached_property
    def _completions(self) -> list[Completion]:
        answers = self._record["answers"]
        return [read_completion(a["completion"]) for a in answers if "completion" in a]

    @property
    def _is_error(self) -> bool:
        return bool(
            self._record["failed"] or self._record["error"] or self._record["status"] >= 400
        )

    @property
    def _error(self) -> str:
        errors = (c.error or c.state for c in self._completions if not c.scored)
        return self._record["error"] or next(errors, f"HTTP status {self._record['status']}")

    @property
    def _inputs(self) -> JSON:
        """The inputs of the only row, or of all rows; None without texts."""
        rows = [answer.get("inputs") for answer in self._record["answers"]]
        if not self._record["texts"]:
            return None
        return rows[0] if len(rows) == 1 else rows

    @property
    def _output(self) -> JSON:
        completions = self._completions
        if not self._record["texts"] or not completions:
            return None
        texts = [c.text if c.scored else None for c in completions]
        return texts[0] if len(self._record["answers"]) == 1 else texts

    @property
    def _usage(self) -> str:
        usages = [completion.usage for completion in self._completions]
        if not usages or not all(map(token_usage, usages)):
            return ""
        total = Usage(
            sum(usage.input_tokens or 0 for usage in usages),
            sum(usage.output_tokens or 0 for usage in usages),
            sum(usage.cached_tokens or 0 for usage in usages),
        )
        return plain_json(token_usage(total))

    @property
    def _end_ns(self) -> int:
        record = self._record
        return int(max(record["ended_ns"], record["started_ns"] + MIN_MS * MS))


def trace_id(request_id: str) -> str:
    """The id of a request's trace.

    Raises:
        ValueError: it isn't a request id.
    """
    if not (match := REQUEST_ID.fullmatch(request_id)):
        raise ValueError("no request id")
    return f"tr-{match[1]}"


def assessment(feedback: ServedFeedback) -> Feedback:
    """The feedback as MLflow's; that of the same source and name has the same id."""
    trace, created_ms = trace_id(feedback.request_id), feedback.created_ns // MS
    source = AssessmentSource(source_type=AssessmentSourceType.HUMAN, source_id=feedback.source)
    entity = Feedback(
        name=feedback.name,
        value=feedback.value,
        rationale=feedback.rationale,
        source=source,
        trace_id=trace,
        create_time_ms=created_ms,
        last_update_time_ms=created_ms,
        metadata={"workbench.caller": feedback.caller} if feedback.caller else None,
    )
    entity.assessment_id = f"a-{hash_parts(32, trace, feedback.name, feedback.source)}"
    return entity


def _preview(value: JSON) -> str | None:
    if value is None:
        return None
    if isinstance(value, Mapping) and len(value) == 1:
        value = next(iter(value.values()))
    text = value if isinstance(value, str) else unescaped_json(value)
    return text[:PREVIEW_LENGTH]


def _metadata(value: JSON) -> str:
    return "" if value is None else shorten(unescaped_json(value), MAX_TAG)


def _present(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
