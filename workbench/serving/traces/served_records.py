"""Served calls and feedback as JSON for the outbox, and read back by its sender.

{"kind": "call", "request_id": "req_9f86…", "route": "/v1/chat/completions", "answers": [{…}], …}
{"kind": "feedback", "request_id": "req_9f86…", "name": "user_feedback", "value": false, …}

Nothing unredacted is in them. Images stay as they are named in the request's body: by their digest.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from workbench.canonical import JSON, encode_function, finite_numbers
from workbench.model import Completion, Usage
from workbench.serving.served_names import ServedNames
from workbench.serving.traces.trace_texts import TraceTexts
from workbench.serving.traces.types import ServedAnswer, ServedCall, ServedFeedback

MAX_RECORD = 1 << 20  # bytes; a larger one gets its texts cut shorter
SHORTER = (2_000, 200)  # characters of a text, tried one after the other
MAX_ROWS = 100  # of one call; the first ones
NAME_FIELDS = tuple(field.name for field in fields(ServedNames))
COMPLETION_FIELDS = (
    *("key", "state", "text", "prefill", "error", "finish_reason", "latency_s", "choice_tokens"),
    *("model", "attempts", "reasoning", "tool_calls"),
)
TEXT_FIELDS = ("key", "text", "prefill", "error", "choice_tokens", "reasoning", "tool_calls")
_encode = encode_function(json.JSONEncoder(separators=(",", ":"), ensure_ascii=False))


class RecordTooLargeError(Exception):
    """A record that is too large even with short texts."""


def encode_call(call: ServedCall, texts: TraceTexts | None) -> bytes:
    """The record of a call; `texts`: None for a record without texts.

    Raises:
        RecordTooLargeError: it has very many texts.
    """
    record = _call_fields(call, with_texts=texts is not None)
    if texts is None:
        return _encode(record).encode("utf-8", "replace")
    for cutter in (texts, *(texts.shorter(limit) for limit in SHORTER)):
        payload = _encode(cutter.clean(record)).encode()
        if len(payload) <= MAX_RECORD:
            return payload
    raise RecordTooLargeError


def encode_feedback(feedback: ServedFeedback, texts: TraceTexts, *, with_texts: bool) -> bytes:
    """The record of feedback; without texts it has no rationale."""
    record = {"kind": "feedback", **asdict(feedback)}
    if not with_texts:
        record["rationale"] = ""
    return _encode(texts.clean(record)).encode()


def _call_fields(call: ServedCall, *, with_texts: bool) -> dict[str, JSON]:
    record: dict[str, JSON] = {
        "kind": "call",
        "request_id": call.request_id,
        "route": call.route,
        "started_ns": call.started_ns,
        "ended_ns": call.ended_ns,
        "status": call.status,
        "caller": call.caller,
        "error": call.error if with_texts else "",
        "failed": call.failed,
        "names": {name: getattr(call.names, name) for name in NAME_FIELDS},
        "rows": len(call.answers),
        "texts": with_texts,
    }
    record["answers"] = [_answer_fields(answer, with_texts) for answer in call.answers[:MAX_ROWS]]
    return record


def _answer_fields(answer: ServedAnswer, with_texts: bool) -> dict[str, JSON]:
    record: dict[str, JSON] = {"sent_ns": answer.sent_ns, "answered_ns": answer.answered_ns}
    if with_texts:
        record["inputs"] = dict(answer.inputs)
        record["body"] = answer.request.body if answer.request else None
    if completion := answer.completion:
        names = COMPLETION_FIELDS
        values = {name: getattr(completion, name) for name in names}
        values["choice_scores"] = finite_numbers(completion.choice_scores)
        if not with_texts:
            values |= dict.fromkeys(TEXT_FIELDS) | {"choice_scores": None}
        values["usage"] = asdict(completion.usage)
        record["completion"] = {name: value for name, value in values.items() if value}
    return record


def decode_record(payload: bytes) -> dict[str, Any]:
    """The fields of a record.

    Raises:
        ValueError: it is no JSON object.
    """
    record = json.loads(payload)
    if not isinstance(record, dict) or record.get("kind") not in ("call", "feedback"):
        raise ValueError("no record of a call or of feedback")
    return record


def read_completion(values: Mapping[str, JSON]) -> Completion:
    """The completion of a record's answer; what was left out has its default."""
    present = dict(values)
    present["usage"] = Usage(**present.get("usage", {}))
    present["tool_calls"] = tuple(present.get("tool_calls") or ())
    return Completion(**{"key": "", **present})


def read_feedback(record: Mapping[str, JSON]) -> ServedFeedback:
    """The feedback of a record."""
    return ServedFeedback(**{name: value for name, value in record.items() if name != "kind"})
