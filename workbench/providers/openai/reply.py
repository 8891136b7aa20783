"""The body of a reply as a Completion; what is not an answer becomes a state, never a text.

>>> body = '{"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}'
>>> completion = read_reply(Request("k1", "{}"), body)
>>> completion.state, completion.text, completion.finish_reason
('ok', '4', 'stop')
"""

import json
from dataclasses import replace

from workbench.canonical import JSON
from workbench.model import Completion, Request, State, Usage, empty_state
from workbench.providers.openai.body import CHOICE_SCHEMA


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
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        message = f"the reply is not JSON: {error}; it begins {raw[:200]!r}"
        return replace(completion, error=message)
    if not isinstance(body, dict):
        return replace(completion, error=f"the reply is not an object: {raw[:200]!r}")
    model = replace_surrogates(str(body.get("model") or ""))
    completion = replace(completion, usage=_usage(body), model=model)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        excerpt = json.dumps(body.get("error") or choices)[:200]
        return replace(completion, error=f"the reply has no choices but {excerpt}")
    if len(choices) != 1:
        return replace(completion, error=f"expected 1 choice, got {len(choices)}")
    return _read_choice(completion, choices[0], request)


def replace_surrogates(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which no file or database takes."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_choice(completion: Completion, choice: JSON, request: Request) -> Completion:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {"content": choice.get("text")}
    text, refusal = message.get("content"), message.get("refusal")
    finish_reason = str(choice.get("finish_reason") or "")
    if isinstance(text, list):  # parts, as several servers answer
        parts = [part.get("text") for part in text if isinstance(part, dict)]
        text = "".join(part for part in parts if isinstance(part, str))
    tool_calls = bool(message.get("tool_calls") or message.get("function_call"))
    state, error = _state(text, refusal, finish_reason, tool_calls=tool_calls)
    if state in ("ok", "truncated") and text and _has_choice_schema(request):
        state, text, error = _chosen(state, str(text))
    output = str(refusal) if state == "refused" else text if isinstance(text, str) else ""
    return replace(
        completion,
        state=state,
        text=replace_surrogates(output),
        error=replace_surrogates(error),
        finish_reason=replace_surrogates(finish_reason),
    )


def _chosen(state: State, text: str) -> tuple[State, str, str]:
    """State, text and error of an answer in the choice schema; without a choice, text as it is."""
    try:
        choice = json.loads(text)["choice"]
    except (ValueError, KeyError, TypeError, RecursionError):
        choice = None
    if isinstance(choice, str) and choice:
        return state, choice, ""
    return "invalid_response", text, f"no choice in the answer {text[:200]!r}"


def _state(
    text: object, refusal: object, finish_reason: str, *, tool_calls: bool
) -> tuple[State, str]:
    if refusal:
        return "refused", ""
    if finish_reason == "content_filter":
        return "filtered", "the provider withheld the answer (content_filter)"
    if text is None or text == "":
        state = empty_state(finish_reason, tool_calls=tool_calls)
        if state != "empty_output":
            return state, ""
        source = "has only tool calls" if tool_calls else "is empty"
        return state, f"the answer {source} (finish_reason {finish_reason or 'missing'!r})"
    if not isinstance(text, str):
        return "invalid_response", f"the content is {type(text).__name__}, not text"
    return ("truncated" if finish_reason == "length" else "ok"), ""


def _has_choice_schema(request: Request) -> bool:
    if CHOICE_SCHEMA not in request.text:  # most requests need not be parsed
        return False
    response_format = request.body.get("response_format") or {}
    return bool(response_format.get("json_schema", {}).get("name") == CHOICE_SCHEMA)


def _usage(body: JSON) -> Usage:
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    return Usage(*(n if type(n) is int and 0 <= n < 2**53 else None for n in counts))
