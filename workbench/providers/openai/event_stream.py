r"""The events of a streamed reply, joined to the body that the server would have sent at once.

>>> events = 'data: {"choices": [{"delta": {"content": "fo"}}]}\n\n'
>>> events += 'data: {"choices": [{"delta": {"content": "ur"}, "finish_reason": "stop"}]}\n\n'
>>> join_events(events + "data: [DONE]\n\n")
'{"choices": [{"index": 0, "message": {"content": "four"}, "finish_reason": "stop"}]}'
"""

import json
import re
from collections.abc import Iterator
from itertools import chain

from workbench.answers.reply_body import parse_reply
from workbench.canonical import JSON

CUT = "interrupted"  # finish reason of a stream that ended without one
STREAM = re.compile(r"\s*(data|event|id|retry)?:")  # no JSON or page begins like this
SIGN_OF_LIFE = re.compile(r"(?i)ping|heart.?beat|keep.?alive")  # names of events without an answer
COMPLETE = re.compile(r"\s*(\{.*\}|\[DONE\])\s*")
EVENT_END = re.compile(r"(?:\r\n|\n|\r){2,}")
OUTPUT_DONE, TEXT_DELTA = "response.output_item.done", "response.output_text.delta"


def join_events(raw: str) -> str:
    """Return the body of a streamed reply; `raw` unchanged if it is no stream of events."""
    if not STREAM.match(raw):
        return raw
    chunks: list[dict[str, JSON]] = []
    done = False
    for event in chain.from_iterable(map(event_data, EVENT_END.split(raw))):
        if event.strip() == "[DONE]":
            done = True
            break
        try:
            chunk = parse_reply(event)
        except ValueError:
            return raw
        if not isinstance(chunk, dict):
            return raw
        chunks.append(chunk)
    if not chunks:
        return raw
    is_response = str(chunks[0].get("type")).startswith("response.")
    return json.dumps(_join_response(chunks) if is_response else _join_chat(chunks, done=done))


def _join_chat(chunks: list[dict[str, JSON]], *, done: bool) -> dict[str, JSON]:
    """The body of a chat or text completion, from its chunks."""
    body: dict[str, JSON] = {}
    choices: dict[int, dict[str, JSON]] = {}
    for chunk in chunks:
        if "error" in (chunk.get("object"), chunk.get("type")):
            chunk = {"error": chunk.get("error") or chunk}
        body |= {name: value for name, value in chunk.items() if value and name != "choices"}
        deltas = chunk.get("choices")
        for delta in deltas if isinstance(deltas, list) else ():
            if isinstance(delta, dict):
                number = delta.get("index") if isinstance(delta.get("index"), int) else 0
                _add(choices.setdefault(number or 0, {"index": number or 0}), delta)
    for choice in choices.values():
        choice["finish_reason"] = choice.pop("finish_reason", None if done else CUT)
        if body.get("error"):
            choice["error"] = body["error"]
    if choices:
        body["choices"] = [choices[number] for number in sorted(choices)]
    return body


def _join_response(chunks: list[dict[str, JSON]]) -> dict[str, JSON]:
    """The body of a reply of the Responses API: its last event has all of it, if it came."""
    response: dict[str, JSON] = {}
    for chunk in chunks:
        if isinstance(chunk.get("response"), dict):
            response = {**chunk["response"]}
        elif chunk.get("type") == "error":
            response["error"] = chunk
    if response.get("status") in (None, "queued", "in_progress"):
        response["status"] = CUT
    if not response.get("output"):
        outputs = [chunk.get("item") for chunk in chunks if chunk.get("type") == OUTPUT_DONE]
        deltas = [chunk for chunk in chunks if chunk.get("type") == TEXT_DELTA]
        text = "".join(str(chunk.get("delta") or "") for chunk in deltas)
        part = {"type": "message", "content": [{"type": "output_text", "text": text}]}
        response["output"] = outputs or [part]
    return response


def event_data(event: str) -> Iterator[str]:
    """Return the data of an event, which no blank line interrupts.

    Its lines are joined, except where no blank lines are between events. Signs of life are left
    out, and an error in words becomes an object.
    """
    lines = re.split(r"\r\n|\n|\r", event)  # not at U+2028, which texts may have
    data = [line[5:].removeprefix(" ") for line in lines if line[:5] == "data:"]
    name = next((line[6:].strip() for line in lines if line[:6] == "event:"), "")
    text = "\n".join(data)
    if not text.strip() or SIGN_OF_LIFE.fullmatch(name):
        return
    if name == "error" and text.lstrip()[:1] != "{":
        yield json.dumps({"error": text})
    else:
        yield from data if all(COMPLETE.fullmatch(line) for line in data) else [text]


def _add(choice: dict[str, JSON], delta: dict[str, JSON]) -> None:
    """Add what a chunk holds to the choice so far."""
    for name, value in delta.items():
        if name in ("delta", "message") and isinstance(value, dict):
            _merge(choice.setdefault("message", {}), value)
        elif name == "text" and isinstance(value, str):
            choice["text"] = str(choice.get("text", "")) + value
        elif name not in ("index", "delta", "message") and value:
            choice[name] = value


def _merge(message: dict[str, JSON], delta: dict[str, JSON]) -> None:
    """Append texts and lists; calls of tools are told apart by their index."""
    for name, value in delta.items():
        present = message.get(name)
        if name == "tool_calls" and isinstance(value, list):
            calls = message[name] = present if isinstance(present, list) else []
            for call in (each for each in value if isinstance(each, dict)):
                number = _call_index(call, calls)
                same = [each for each in calls if each.get("index") == number][-1:]
                if not same or _differ(same[0].get("id"), call.get("id")):  # Gemini's are all 0
                    calls.append({"index": number})
                _merge(calls[-1] if calls[-1].get("index") == number else same[0], call)
        elif isinstance(value, dict):
            message[name] = present if isinstance(present, dict) else {}
            _merge(message[name], value)
        elif isinstance(value, str) and isinstance(present, str):
            is_repeated = name in ("role", "type", "id") or (name == "name" and value == present)
            message[name] = value if is_repeated else present + value
        elif isinstance(value, list) and isinstance(present, list):
            present.extend(value)
        elif value is not None or name not in message:
            message[name] = value


def _call_index(call: dict[str, JSON], calls: list[dict[str, JSON]]) -> JSON:
    """The index of a call; without one it is the last call's, unless it has a new id or a name."""
    if call.get("index") is not None or not calls:
        return call.get("index") or 0
    function, call_id = call.get("function"), call.get("id")
    is_named = isinstance(function, dict) and function.get("name")
    is_new = call_id != calls[-1].get("id") if call_id else is_named
    return len(calls) if is_new else calls[-1]["index"]


def _differ(first: JSON, second: JSON) -> bool:
    return bool(first and second and first != second)
