"""Spans in MLflow's form, and the one of a model's call; of evaluated rows and served requests.

{"name": "openai:gpt-6-luna", "attributes": {"mlflow.spanType": '"CHAT_MODEL"', …}, …}
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.canonical import JSON, finite_numbers, plain_json
from workbench.model import Completion, Usage

MIN_MS = 1  # MLflow doesn't draw a span of 0 ms


@dataclass(frozen=True, slots=True)
class SpanPlace:
    """The place of a span: its trace and ids in hexadecimal, and its times.

    Attributes:
        parent_id: empty for the root.
        start_ns, end_ns: nanoseconds since 1970.
    """

    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int


def span_fields(
    place: SpanPlace, name: str, attributes: Mapping[str, JSON], *, error: str | None
) -> dict[str, Any]:
    """The fields of a span, as in MLflow's `Span.to_dict`; `error`: None if it succeeded."""
    attributes = {"mlflow.traceRequestId": place.trace_id, **attributes}
    code, message = ("OK", "") if error is None else ("ERROR", error)
    return {
        "trace_id": _base64(place.trace_id.removeprefix("tr-")),
        "span_id": _base64(place.span_id),
        "parent_span_id": _base64(place.parent_id) if place.parent_id else None,
        "name": name,
        "start_time_unix_nano": place.start_ns,
        "end_time_unix_nano": place.end_ns,
        "status": {"code": f"STATUS_CODE_{code}", "message": message},
        "attributes": {key: plain_json(value) for key, value in attributes.items()},
    }


def call_attributes(
    body: Mapping[str, JSON], completion: Completion, tools: Sequence[JSON] = ()
) -> dict[str, JSON]:
    """The attributes of a model's call: the body as sent and what came of it.

    Args:
        body: of the request.
        completion: its answer.
        tools: as the chat API takes them; empty: the body has them, if any.
    """
    output = completion.text if completion.scored else None
    call: dict[str, JSON] = {
        "mlflow.spanType": "LLM",
        "mlflow.spanInputs": body,
        "mlflow.spanOutputs": output,
        "workbench.attempts": completion.attempts,
    }
    parts: dict[str, JSON] = {
        "workbench.prefill": completion.prefill,
        "workbench.reasoning": completion.reasoning,
        "workbench.choice_scores": finite_numbers(completion.choice_scores),
        "workbench.choice_tokens": completion.choice_tokens,
        "mlflow.chat.tools": tools,
    }
    call |= {name: value for name, value in parts.items() if value}
    if "messages" in body:
        call |= {"mlflow.spanType": "CHAT_MODEL", "mlflow.message.format": "openai"}
        if completion.scored:
            choice: JSON = {"index": 0, "finish_reason": completion.finish_reason}
            calls = list(completion.tool_calls)
            message: JSON = {"role": "assistant", "content": completion.text}
            choice["message"] = {**message, "tool_calls": calls} if calls else message
            call["mlflow.spanOutputs"] = {"choices": [choice]}
    return call


def token_usage(usage: Usage) -> dict[str, int]:
    """The tokens in MLflow's words; empty if they were not counted."""
    if usage.input_tokens is None or usage.output_tokens is None:
        return {}
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        **({"cache_read_input_tokens": usage.cached_tokens} if usage.cached_tokens else {}),
    }


def _base64(digits: str) -> str:
    return b64encode(bytes.fromhex(digits)).decode("ascii")
