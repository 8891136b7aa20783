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
from workbench.serving.traces.trace_texts import TextCleaner, TraceTexts
from workbench.serving.traces.types import ServedAnswer, ServedCall, ServedFeedback

MAX_ROWS = 50  # of one call; the first ones
NAME_FIELDS = tuple(field.name for field in fields(ServedNames))
PLAIN_FIELDS = ("state", "finish_reason", "latency_s", "model", "attempts")
TEXT_FIELDS = ("text", "prefill", "error", "reasoning", "choice_tokens", "tool_calls")
_encode = encode_function(json.JSONEncoder(separators=(",", ":"), ensure_ascii=False))


def encode_call(call: ServedCall, texts: TraceTexts, *, with_texts: bool = True) -> bytes:
    """The record of a call; without texts it has states, counts and times alone.

    Raises:
        TypeError: a value of the inputs is not JSON.
    """
    cleaner = texts.cleaner()
    record: dict[str, JSON] = {
        "kind": "call",
        "request_id": call.request_id,
        "route": cleaner.clean_text(call.route),
        "started_ns": call.started_ns,
        "ended_ns": call.ended_ns,
        "status": call.status,
        "caller": cleaner.clean_text(call.caller),
        "error": cleaner.clean_text(call.error) if with_texts else "",
        "failed": call.failed,
        "names": {name: getattr(call.names, name) for name in NAME_FIELDS},
        "rows": len(call.answers),
        "texts": with_texts,
    }
    answers = call.answers[:MAX_ROWS]
    record["answers"] = [_answer_fields(each, cleaner if with_texts else None) for each in answers]
    return _encode(record).encode("utf-8", "replace")


def encode_feedback(feedback: ServedFeedback, texts: TraceTexts, *, with_texts: bool) -> bytes:
    """The record of feedback; without texts it has no rationale."""
    record = {"kind": "feedback", **asdict(feedback)}
    if not with_texts:
        record["rationale"] = ""
    return _encode(texts.cleaner().clean(record)).encode("utf-8", "replace")


def _answer_fields(answer: ServedAnswer, cleaner: TextCleaner | None) -> dict[str, JSON]:
    """The fields of an answer; `cleaner`: None for those without texts."""
    record: dict[str, JSON] = {"sent_ns": answer.sent_ns, "answered_ns": answer.answered_ns}
    if completion := answer.completion:  # first: inputs and body may take all the room
        values = {name: getattr(completion, name) for name in PLAIN_FIELDS}
        if cleaner:
            values |= {name: cleaner.clean(getattr(completion, name)) for name in TEXT_FIELDS}
            values["key"] = completion.key
            values["choice_scores"] = cleaner.clean(finite_numbers(completion.choice_scores))
        record["completion"] = {name: value for name, value in values.items() if value}
        record["completion"]["usage"] = asdict(completion.usage)
    if cleaner:
        record["inputs"] = cleaner.clean(answer.inputs)
        record["body"] = cleaner.clean(answer.request.body) if answer.request else None
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
