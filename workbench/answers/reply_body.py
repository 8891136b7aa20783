"""The parts of a chat reply's body: its text, and the reasoning in fields or parts of their own.

>>> reply_reasoning('{"choices": [{"message": {"content": "4", "reasoning_content": "2+2"}}]}')
'2+2'
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from math import isfinite

from workbench.answers.finish_reason import finish_kind
from workbench.canonical import JSON

REASONING_FIELDS = (
    *("reasoning_content", "reasoning", "thinking", "reasoning_details"),
    *("reasoning_text", "thinking_blocks", "thought", "thoughts"),
)
REASONING_TYPES = ("reasoning", "think", "redacted_thinking", "thought", "summary")
REASON_FIELDS = ("finish_reason", "finishReason", "finish_details", "stop_reason", "done_reason")
TEXT_KEYS = (
    *("text", "thinking", "think", "reasoning", "content", "summary"),
    *("reasoningContent", "reasoningText"),
)
MOST_DEPTH = 100  # lists and objects inside of each other


def parse_reply(text: str) -> JSON:
    """Return the JSON of a reply, which may come from any server.

    NaN and numbers too large for a float are None, since JSON can't write them.

    Raises:
        ValueError: it is no JSON, or nested so deeply that what reads it could fail.
    """
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if text.count("[") + text.count("{") > MOST_DEPTH:
        level = [value]
        for _ in range(MOST_DEPTH):
            level = [child for parent in level for child in _children(parent)]
        if level:
            raise ValueError("it is nested too deeply")
    return value


def _finite(number: str) -> float | None:
    return value if isfinite(value := float(number)) else None


def _children(value: JSON) -> Iterable[JSON]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def reply_message(body: JSON) -> dict[str, JSON]:
    """Return the message of the only choice; the fields of a text completion likewise."""
    with suppress(LookupError, TypeError, ValueError):
        (choice,) = body["choices"]
        if isinstance(choice, dict):
            message = choice.get("message")
            fields = message if isinstance(message, dict) else {"content": choice.get("text")}
            errors = (fields.get("error"), choice.get("error"), body.get("error"))
            error = next(filter(None, errors), None)
            return {**choice, **fields, "finish_reason": _finish_reason(choice), "error": error}
    return {}


def _finish_reason(choice: Mapping[str, JSON]) -> JSON:
    """The finish reason of a choice; the model's own, where a gateway calls a broken answer `stop`.

    OpenRouter keeps it in the choice, LiteLLM in its `provider_specific_fields`.
    """
    fields = choice.get("provider_specific_fields")
    layers = [choice, *([fields] if isinstance(fields, dict) else ())]
    native = next((str(n) for each in layers if (n := each.get("native_finish_reason"))), "")
    reason = _first_reason(choice)
    has_ended = finish_kind(str(reason or "")) in ("ended", "missing", "unknown")
    is_worse = finish_kind(native) in ("cut", "withheld", "refused", "broken")
    return native if has_ended and is_worse else reason


def _first_reason(choice: Mapping[str, JSON]) -> JSON:
    """The first field of a choice that says why it ended; an object names it as its type."""
    message = choice.get("message")
    layers = [choice, *([message] if isinstance(message, dict) else ())]
    reasons = (layer.get(name) for layer in layers for name in REASON_FIELDS)
    reason = next((value for value in reasons if value), None)
    return reason.get("type") or reason.get("reason") if isinstance(reason, dict) else reason


def content_text(content: JSON) -> JSON:
    """Return the text of a message's content, of its parts joined; other values unchanged."""
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return content
    parts = (
        part.get("text") if isinstance(part, dict) else part for part in _answer_parts(content)
    )
    return "".join(part for part in parts if isinstance(part, str))


def reply_content(raw: str | None) -> str | None:
    """Return the text in a stored reply; None if it holds none, or ended with an error."""
    message = _parse(raw)
    broken = finish_kind(str(message.get("finish_reason") or "")) == "broken"
    text = None if broken or message.get("error") else content_text(message.get("content"))
    return replace_surrogates(text) if isinstance(text, str) else None


def reply_reasoning(raw: str | None) -> str:
    """Return the reasoning that a stored reply holds outside of its text; mostly empty."""
    if not raw or not _may_hold_reasoning(raw):
        return ""
    message = _parse(raw)
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    fields = [message.get(field) for field in REASONING_FIELDS]
    for value in (*fields, [part for part in parts if _is_reasoning(part)]):
        if text := "".join(_texts(value)).strip():
            return replace_surrogates(text)
    return ""


def message_tool_calls(message: JSON) -> tuple[JSON, ...]:
    """Return the tool calls of a message, in OpenAI's form; its older `function_call` as one."""
    calls, call = message.get("tool_calls"), message.get("function_call")
    if isinstance(calls, list):
        calls = [each for each in calls if isinstance(each, dict)]
    elif isinstance(call, dict):
        calls = [{"type": "function", "function": call}]
    else:
        calls = list(_calls_in_parts(message.get("content")))
    return tuple(calls or ()) if isinstance(calls, list) else ()


def _calls_in_parts(content: JSON) -> Iterator[JSON]:
    """Tool calls that are parts of the content, as gateways pass Anthropic's on."""
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and part.get("type") == "tool_use":
            arguments = json.dumps(part.get("input") or {}, ensure_ascii=False)
            function = {"name": part.get("name"), "arguments": arguments}
            yield {"id": part.get("id"), "type": "function", "function": function}


def reply_tool_calls(raw: str | None) -> tuple[JSON, ...]:
    """Return the tool calls in a stored reply; mostly none."""
    if not raw or not ("tool_calls" in raw or "function_call" in raw or "tool_use" in raw):
        return ()
    return message_tool_calls(_parse(raw))


def replace_surrogates(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which no file or database takes."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _parse(raw: str | None) -> dict[str, JSON]:
    try:
        return reply_message(parse_reply(raw or ""))
    except ValueError:
        return {}


def _may_hold_reasoning(raw: str) -> bool:
    """False for most replies, which need not be parsed."""
    uncounted = raw.replace("reasoning_tokens", "")  # of every reply's usage
    return "reasoning" in uncounted or "think" in raw or "thought" in raw


def _answer_parts(parts: list[JSON]) -> Iterator[JSON]:
    return (part for part in parts if not _is_reasoning(part))


def _is_reasoning(part: JSON) -> bool:
    """True for a part with thoughts: by its type, Gemini's flag, or Bedrock's key."""
    if not isinstance(part, Mapping):
        return False
    is_named = str(part.get("type")).lower().startswith(REASONING_TYPES)
    return is_named or part.get("thought") is True or "reasoningContent" in part


def _texts(value: JSON) -> Iterator[str]:
    """All texts of a field: a text, a part with one, or a list of these."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        for key in TEXT_KEYS:
            if value.get(key):
                yield from _texts(value[key])
                return
