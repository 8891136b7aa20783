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
from workbench.model import Completion, Reasoning, State

CHOICE_SCHEMA = "workbench_choice"  # name of the schema whose answer is one of the choices
CHOICE_MARKS = (CHOICE_SCHEMA, '"guided_choice"', '"structured_outputs"')
EXCERPT = 200  # characters


def read_answer(
    completion: Completion,
    request_text: str,
    *,
    reasoning: Reasoning | Sequence[JSON] = "strip",
    prefill_repeated: bool = False,
) -> Completion:
    """Return the answer in a completion as it is stored.

    Args:
        completion: as it was received.
        request_text: the body of its request.
        reasoning: as in `Model`.
        prefill_repeated: the server repeats the prefill in its answers.
    """
    if completion.choice_scores is not None:
        return completion
    choices = requested_choices(request_text)
    tags = [] if isinstance(reasoning, str) else [str(tag) for tag in reasoning]
    if choices is not None and completion.state in ("ok", "truncated", "invalid_response"):
        return _read_schema_answer(completion, choices, tags, prefill_repeated=prefill_repeated)
    if completion.state not in ("ok", "truncated"):
        return completion
    if prefill_repeated:
        completion = without_repeated_prefill(completion)
    outside = reply_reasoning(completion.raw)
    if calls := reply_tool_calls(completion.raw):
        completion = replace(completion, tool_calls=calls)
    if reasoning == "keep":
        return replace(completion, reasoning=outside)
    return _cut_at_stop(_without_reasoning(completion, outside, tags), request_text)


def _cut_at_stop(completion: Completion, request_text: str) -> Completion:
    """Cut a text at its request's `stop`, which some servers leave in it or ignore."""
    body = json.loads(request_text) if '"stop"' in request_text else {}
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []
    ends = [completion.text.find(text) for text in stops if text and isinstance(text, str)]
    ends = [end for end in ends if end >= 0]
    if not ends or body.get("include_stop_str_in_output"):
        return completion
    return replace(completion, state="ok", text=completion.text[: min(ends)])


def _without_reasoning(completion: Completion, outside: str, tags: Sequence[str]) -> Completion:
    """Move the reasoning out of the text; a thought without an end is a cut answer."""
    thoughts = split_reasoning(completion.text, prefill=completion.prefill, tags=tags)
    together = "\n\n".join(filter(None, (outside, thoughts.reasoning)))
    if thoughts.answer == completion.text and thoughts.closed and together == completion.reasoning:
        return completion  # of most models; a copy takes longer than the search for thoughts
    state = completion.state if thoughts.closed else "truncated"
    return replace(completion, state=state, text=thoughts.answer, reasoning=together)


def _read_schema_answer(
    completion: Completion, choices: list[str], tags: Sequence[str], *, prefill_repeated: bool
) -> Completion:
    content = reply_content(completion.raw)
    if content is None and completion.state == "invalid_response":
        return completion  # not for lack of a choice
    was_cut = completion.state == "truncated" or is_cut(completion.finish_reason)
    state: State = "truncated" if was_cut else "ok"
    received = replace(
        completion, state=state, text=completion.text if content is None else content, error=""
    )
    if prefill_repeated:
        received = without_repeated_prefill(received)
    read = _without_reasoning(received, reply_reasoning(completion.raw), tags)
    if not read.text:
        return read
    choice = read_choice(read.text, choices)
    if not choice and read.prefill:  # which may hold the beginning of the JSON
        choice = read_choice(read.full_text, choices)
    if choice and (choice in choices or not choices):
        return replace(read, text=choice)
    reason = "the answer is none of the choices:" if choice else "no choice in the answer"
    if was_cut:
        reason = "the answer was cut at max_tokens before its choice was complete:"
    error = f"{reason} {read.text[:EXCERPT]!r}"
    return replace(read, state="invalid_response", error=error)


def requested_choices(request_text: str) -> list[str] | None:
    """Return the choices of a request that has its server enforce them; None for other requests."""
    if not any(mark in request_text for mark in CHOICE_MARKS):  # most requests need not be parsed
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
    schema = response_format.get("json_schema", {})
    if schema.get("name") != CHOICE_SCHEMA:
        return None
    choice = schema.get("schema", {}).get("properties", {}).get("choice", {})
    return [str(value) for value in choice.get("enum", ())]
