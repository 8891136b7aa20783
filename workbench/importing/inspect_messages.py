"""Messages of an Inspect sample, as the chat API writes them, and the prompt among them.

{"role": "user", "content": [{"type": "text", "text": "…"}], "source": "input"}
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.canonical import JSON

ATTACHMENT = "attachment://"
_ROLES = {"system", "developer", "user", "assistant", "tool"}


def chat_messages(messages: JSON, attachments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages in the form of OpenAI's chat API; each keeps its `source`."""
    listed = messages if isinstance(messages, list) else []
    return [
        _chat_message(each, attachments)
        for each in listed
        if isinstance(each, dict) and str(each.get("role")) in _ROLES
    ]


def _chat_message(message: Mapping[str, Any], attachments: Mapping[str, Any]) -> dict[str, Any]:
    chat: dict[str, Any] = {
        "role": message["role"],
        "content": _content(message.get("content"), attachments),
        "source": message.get("source"),
    }
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        chat["tool_calls"] = [_tool_call(call) for call in calls if isinstance(call, dict)]
    if message["role"] == "tool" and isinstance(message.get("tool_call_id"), str):
        chat["tool_call_id"] = message["tool_call_id"]
    return chat


def _content(content: JSON, attachments: Mapping[str, Any]) -> str | list[dict[str, Any]]:
    """A text, or parts if there are images; thoughts of a model are left out."""
    if isinstance(content, str):
        return _resolved(content, attachments)
    parts: list[dict[str, Any]] = []
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            parts.append({"type": "text", "text": _resolved(part["text"], attachments)})
        elif isinstance(part, dict) and isinstance(part.get("image"), str):
            url = _resolved(part["image"], attachments)
            parts.append({"type": "image_url", "image_url": {"url": url}})
    if any(part["type"] == "image_url" for part in parts):
        return parts
    return "\n".join(part["text"] for part in parts)


def _resolved(text: str, attachments: Mapping[str, Any]) -> str:
    """The text that a reference to an attachment stands for."""
    if not text.startswith(ATTACHMENT):
        return text
    return str(attachments.get(text.removeprefix(ATTACHMENT), text))


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments")
    written = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
    function = {"name": str(call.get("function") or ""), "arguments": written}
    return {"id": str(call.get("id") or ""), "type": "function", "function": function}


def sent_prompt(messages: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The messages before the first generated one, and how many were generated."""
    generated = [n for n, m in enumerate(messages) if m["source"] == "generate"]
    if not generated and messages and messages[-1]["role"] == "assistant":
        generated = [len(messages) - 1]  # a log that doesn't record sources
    prompt = messages[: generated[0]] if generated else messages
    return [{key: m[key] for key in m if key != "source"} for m in prompt], len(generated)
