"""The body of a reply as a Completion; what is not an answer becomes a state, never a text.

>>> body = '{"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}'
>>> completion = read_reply(Request("k1", "{}"), body)
>>> completion.state, completion.text, completion.finish_reason
('ok', '4', 'stop')
"""

import json
from dataclasses import replace

from workbench.answers.finish_reason import empty_state, finish_kind
from workbench.answers.read import read_answer, requested_choices
from workbench.answers.reply_body import (
    content_text,
    message_tool_calls,
    parse_reply,
    replace_surrogates,
    reply_message,
)
from workbench.canonical import JSON
from workbench.model import Completion, Request, State
from workbench.providers.openai.usage import reply_usage


def read_reply(request: Request, raw: str, *, fault: str = "") -> Completion:
    """Return the completion in the body `raw` of a reply with status 200; never raises.

    `fault` says why a body can't be used; it is empty if it can.
    """
    completion = Completion(
        request.key, "invalid_response", prefill=request.prefill, error=fault, raw=raw
    )
    if fault:
        return completion
    try:
        body = parse_reply(raw)
    except ValueError as error:
        message = f"the reply is not JSON: {error}; it begins {raw[:200]!r}"
        return replace(completion, error=message)
    if not isinstance(body, dict):
        return replace(completion, error=f"the reply is not an object: {raw[:200]!r}")
    model = replace_surrogates(str(body.get("model") or ""))
    completion = replace(completion, usage=reply_usage(body), model=model)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        excerpt = json.dumps(body.get("error") or choices)[:200]
        return replace(completion, error=f"the reply has no choices but {excerpt}")
    if len(choices) != 1:
        return replace(completion, error=f"expected 1 choice, got {len(choices)}")
    return _read_choice(completion, body, request)


def _read_choice(completion: Completion, body: JSON, request: Request) -> Completion:
    message = reply_message(body)
    text, refusal = content_text(message.get("content")), _refusal(message)
    finish_reason = str(message.get("finish_reason") or "")
    tool_calls = bool(message_tool_calls(message))
    state, error = _state(text, refusal, finish_reason, tool_calls=tool_calls)
    if message.get("error"):
        reason = json.dumps(message["error"], ensure_ascii=False)[:200]
        state, error = "invalid_response", f"the answer ended with an error: {reason}"
    output = text if isinstance(text, str) else ""
    output = str(refusal or output) if state == "refused" else output
    received = replace(
        completion,
        state=state,
        text=replace_surrogates(output),
        error=replace_surrogates(error),
        finish_reason=replace_surrogates(finish_reason),
    )
    if requested_choices(request.text) is None:
        return received
    answer = read_answer(received, request.text)  # the text is stored as it was received
    return received if answer.scored else replace(received, state=answer.state, error=answer.error)


def _refusal(message: JSON) -> JSON:
    """The refusal of a message, which may be a part of its content."""
    content = message.get("content")
    parts = (
        [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    )
    fields = message.get("provider_specific_fields")  # where LiteLLM puts it
    refusals = [message, *parts, *([fields] if isinstance(fields, dict) else ())]
    texts = (each.get("refusal") or _refused_text(each) for each in refusals)
    return next((text for text in texts if text), None)


def _refused_text(part: JSON) -> JSON:
    return part.get("text") if part.get("type") == "refusal" else None


def _state(
    text: object, refusal: object, finish_reason: str, *, tool_calls: bool
) -> tuple[State, str]:
    kind = finish_kind(finish_reason)
    if refusal or kind == "refused":
        return "refused", ""
    if kind == "withheld":
        return "filtered", f"the provider withheld the answer ({finish_reason})"
    if text is None or text == "":
        state = empty_state(finish_reason, tool_calls=tool_calls and kind != "broken")
        if state != "empty_output":
            return state, ""
        return state, f"the answer is empty (finish_reason {finish_reason or 'missing'!r})"
    if not isinstance(text, str):
        return "invalid_response", f"the content is {type(text).__name__}, not text"
    if kind == "broken":
        reason = f"the server broke off the answer (finish_reason {finish_reason!r})"
        return "invalid_response", reason
    return ("truncated" if kind == "cut" else "ok"), ""
