"""OpenAI's Responses API: a chat body in its form, and its replies in the form of a chat's.

>>> responses_body({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9})
{'model': 'm', 'input': [{'role': 'user', 'content': 'Hi'}], 'max_output_tokens': 9, 'store': False}
>>> part = {"type": "output_text", "text": "Hello"}
>>> reply = {"status": "completed", "output": [{"type": "message", "content": [part]}]}
>>> chat_reply(json.dumps(reply), {}, is_openai=True)
'{"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}'
"""

import json
from collections.abc import Iterator, Mapping

from workbench.answers.reply_body import parse_reply
from workbench.canonical import JSON
from workbench.providers.openai.usage import read_usage

RENAMED = {
    "messages": "input",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
}


def responses_body(body: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the body of a chat request as the Responses API takes it; nothing is kept there."""
    converted = {RENAMED.get(name, name): value for name, value in body.items()}
    text: dict[str, JSON] = {}
    if isinstance(response_format := converted.pop("response_format", None), dict):
        schema = response_format.get("json_schema") or {}
        text["format"] = {"type": response_format.get("type"), **schema}
    if (verbosity := converted.pop("verbosity", None)) is not None:
        text["verbosity"] = verbosity
    if (effort := converted.pop("reasoning_effort", None)) is not None:
        converted["reasoning"] = {"effort": effort}
    converted.pop("stream_options", None)
    converted["input"] = [part for turn in converted["input"] for part in _input(turn)]
    if tools := converted.get("tools"):
        # Strict is this API's default, and not that of chats.
        functions = ({"strict": False, **tool["function"]} for tool in tools)
        converted["tools"] = [{"type": "function", **function} for function in functions]
    choice = converted.get("tool_choice")
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        converted["tool_choice"] = {"type": "function", **choice["function"]}
    return {**converted, **({"text": text} if text else {}), "store": converted.get("store", False)}


def _input(message: Mapping[str, JSON]) -> Iterator[JSON]:
    """The parts of the input that a turn of a chat becomes."""
    calls = message.get("tool_calls")
    if message["role"] == "tool":
        call_id = message["tool_call_id"]
        yield {"type": "function_call_output", "call_id": call_id, "output": message["content"]}
    elif message["content"] or not calls:
        content = message["content"]
        content = list(map(_input_part, content)) if isinstance(content, list) else content
        yield {"role": message["role"], "content": content}
    for call in calls or ():
        yield {"type": "function_call", "call_id": call["id"], **call["function"]}


def _input_part(part: Mapping[str, JSON]) -> JSON:
    """A text or an image of a turn."""
    if part["type"] == "text":
        return {"type": "input_text", "text": part["text"]}
    fields = dict(part["image_url"])
    return {"type": "input_image", "image_url": fields.pop("url"), **fields}


def chat_reply(raw: str, request: Mapping[str, JSON], *, is_openai: bool) -> str:
    """Return the body of a reply in the form of a chat reply; `raw` unchanged if it is another.

    `request` is the body of its request; `is_openai`: OpenAI replied, whose `completed` is true.
    """
    try:
        reply = parse_reply(raw)
    except ValueError:
        return raw
    if not isinstance(reply, dict) or not isinstance(reply.get("output"), list):
        return raw
    choice: dict[str, JSON] = {
        "message": _message(reply["output"]),
        "finish_reason": _end(reply, None if is_openai else request.get("max_output_tokens")),
    }
    if reply.get("error"):
        choice["error"] = reply["error"]
    shared = {name: reply[name] for name in ("id", "model", "usage", "error") if reply.get(name)}
    return json.dumps({**shared, "choices": [choice]})


def _end(reply: Mapping[str, JSON], limit: JSON) -> str:
    """The finish reason that the reply's status stands for.

    llama.cpp's server and transformers serve call an answer `completed` that was cut at the limit.
    """
    details = reply.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    status = str(reply.get("status") or "")
    if status == "completed" and limit and read_usage(reply.get("usage")).output_tokens == limit:
        return "max_output_tokens"
    return "stop" if status == "completed" else str(reason or status)


def _message(output: list[JSON]) -> dict[str, JSON]:
    """The texts, refusals, thoughts and calls in the parts of an answer."""
    texts, refusals, thoughts, calls = list[str](), list[str](), list[str](), list[JSON]()
    for part in (part for part in output if isinstance(part, dict)):
        pieces = [*_objects(part.get("content")), *_objects(part.get("summary"))]
        if part.get("type") == "function_call":
            function = {"name": part.get("name"), "arguments": part.get("arguments")}
            calls.append({"id": part.get("call_id"), "type": "function", "function": function})
        elif part.get("type") == "reasoning":
            thoughts += [str(piece.get("text") or "") for piece in pieces]
        elif part.get("type") == "message":
            texts += [str(piece.get("text") or "") for piece in pieces]
            refusals += [str(piece["refusal"]) for piece in pieces if piece.get("refusal")]
    optional = {
        "refusal": "".join(refusals),
        "reasoning": "\n\n".join(thoughts),
        "tool_calls": calls,
    }
    present: dict[str, JSON] = {name: value for name, value in optional.items() if value}
    return {"content": "".join(texts), **present}


def _objects(parts: JSON) -> list[dict[str, JSON]]:
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
