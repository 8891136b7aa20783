"""A stored reply read as an answer: without the model's reasoning, and as the choice it names.

    stored   Completion(text="<think>Hm.</think>positive", …)
    read     Completion(text="positive", reasoning="Hm.", …)

The store keeps replies as they were received. So an answer is read in the same way whenever it was
stored, and `reasoning: keep` needs no other request.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from workbench.answers.finish_reason import is_cut
from workbench.answers.prefill import without_repeated_prefill
from workbench.answers.reasoning import split_reasoning
from workbench.answers.reply_body import reply_content, reply_reasoning, reply_tool_calls
from workbench.answers.schema_choice import read_choice
from workbench.canonical import JSON
from workbench.model import Completion, Model, Reasoning, State

CHOICE_SCHEMA = "workbench_choice"  # name of the schema whose answer is one of the choices
GUIDED, ENFORCED = '"guided_choice"', '"structured_outputs"'
EXCERPT = 200  # characters


def read_answer(
    completion: Completion,
    request_text: str,
    *,
    reasoning: Reasoning | Sequence[JSON] = "strip",
    prefill_repeated: bool = False,
    stop_field: str = "stop",
) -> Completion:
    """Return the answer in a completion as it is stored.

    Args:
        completion: as it was received.
        request_text: the body of its request.
        reasoning: as in `Model`.
        prefill_repeated: the server repeats the prefill in its answers.
        stop_field: the name of `stop` at the server.
    """
    if completion.choice_scores is not None:
        return completion
    choices = requested_choices(request_text)
    stops = stop_texts(request_text, stop_field)
    tags = [] if isinstance(reasoning, str) else [str(tag) for tag in reasoning]
    if choices is not None and completion.state in ("ok", "truncated", "invalid_response"):
        received = _received_choice(completion)
        if received and prefill_repeated:
            received = without_repeated_prefill(received)
        return _read_choice(received, choices, tags, stops) if received else completion
    if completion.state not in ("ok", "truncated"):
        return completion
    if prefill_repeated:
        completion = without_repeated_prefill(completion)
    outside = reply_reasoning(completion.raw)
    if calls := reply_tool_calls(completion.raw):
        completion = replace(completion, tool_calls=calls)
    if reasoning == "keep":
        return replace(completion, reasoning=outside)
    return _cut_at_stop(_without_reasoning(completion, outside, tags), stops)


def renamed_stop(model: Model) -> str:
    """Return the name of `stop` in the requests of a model."""
    renamed = model.settings.get("rename")
    return str(renamed.get("stop", "stop")) if isinstance(renamed, dict) else "stop"


def stop_texts(request_text: str, field: str) -> list[str]:
    """Return the texts at which an answer to the request is cut."""
    if f'"{field}"' not in request_text and '"stop"' not in request_text:
        return []
    body = json.loads(request_text)
    stop = body.get(field, body.get("stop"))
    stops = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    visible = body.get("include_stop_str_in_output")
    return [] if visible else [text for text in stops if text and isinstance(text, str)]


def _cut_at_stop(completion: Completion, stops: Sequence[str]) -> Completion:
    """Cut a text at its request's stop texts, which some servers leave in it or ignore."""
    ends = [end for end in map(completion.text.find, stops) if end >= 0]
    return (
        replace(completion, state="ok", text=completion.text[: min(ends)]) if ends else completion
    )


def _without_reasoning(completion: Completion, outside: str, tags: Sequence[str]) -> Completion:
    """Move the reasoning out of the text; a thought without an end is a cut answer."""
    thoughts = split_reasoning(completion.text, prefill=completion.prefill, tags=tags)
    together = "\n\n".join(filter(None, (outside, thoughts.reasoning)))
    if thoughts.answer == completion.text and thoughts.closed and together == completion.reasoning:
        return completion  # of most models; a copy takes longer than the search for thoughts
    state = completion.state if thoughts.closed else "truncated"
    return replace(completion, state=state, text=thoughts.answer, reasoning=together)


def _received_choice(completion: Completion) -> Completion | None:
    """The answer of a server that enforces choices, unread; None: it has no content."""
    content = reply_content(completion.raw)
    if content is None and completion.state == "invalid_response":
        return None  # not for lack of a choice
    was_cut = completion.state == "truncated" or is_cut(completion.finish_reason)
    state: State = "truncated" if was_cut else "ok"
    text = completion.text if content is None else content
    return replace(completion, state=state, text=text, error="")


def _read_choice(
    received: Completion, choices: list[str], tags: Sequence[str], stops: Sequence[str]
) -> Completion:
    """The choice that an answer names: as it came, after its prefill, up to its first stop text."""
    read = _without_reasoning(received, reply_reasoning(received.raw), tags)
    if not read.text:
        return read
    # The prefill may hold the beginning of the JSON, which may hold a stop text.
    prefilled = [replace(read, text=read.full_text)] if read.prefill else []
    named = ""
    for answer in (read, *prefilled, _cut_at_stop(read, stops)):
        choice = read_choice(answer.text, choices)
        if choice and (choice in choices or not choices):
            return replace(answer, text=choice)
        named = named or choice or ""
    reason = "the answer is none of the choices:" if named else "no choice in the answer"
    if received.state == "truncated":
        reason = "the answer was cut at max_tokens before its choice was complete:"
    error = f"{reason} {read.text[:EXCERPT]!r}"
    return replace(read, state="invalid_response", error=error)


def requested_choices(request_text: str) -> list[str] | None:
    """Return the choices of a request that has its server enforce them; None for other requests."""
    # Most requests need not be parsed.
    if not (ENFORCED in request_text or GUIDED in request_text or CHOICE_SCHEMA in request_text):
        return None
    body = json.loads(request_text)
    structured = body.get("structured_outputs")
    guided = body.get("guided_choice") or (
        structured.get("choice") if isinstance(structured, dict) else None
    )
    if isinstance(guided, list):
        return [str(choice) for choice in guided]
    text_format = body["text"].get("format") if isinstance(body.get("text"), dict) else None
    response_format = body.get("response_format") or {"json_schema": text_format or {}}
    schema = response_format.get("json_schema") if isinstance(response_format, dict) else None
    if not isinstance(schema, dict) or schema.get("name") != CHOICE_SCHEMA:
        return None
    choice = schema.get("schema", {}).get("properties", {}).get("choice", {})
    return [str(value) for value in choice.get("enum", ())]
