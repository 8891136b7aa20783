"""Turns of a chat from rendered text and its tags: images, calls of tools, messages from a row.

    user:
    What is this?
    {% image photo, detail="low" %}            an image between the texts of a turn
    assistant:
    {% tool_call get_weather(city=city) %}     a call; its id is written by itself
    tool:
    {"temperature": 4}                         the result of the first call without one
    {% messages history %}                     turns of a column, in the form of OpenAI's chat API

>>> history = [{"role": "user", "content": "Hi"}]
>>> TurnBuilder().add(None, ["", ("messages", history), ""]).messages
[Message(role='user', content='Hi', tool_calls=(), tool_call_id='', name='')]
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from workbench.canonical import JSON
from workbench.conversation import ROLES, Image, Message, Role
from workbench.errors import WorkbenchError, list_first, unknown_name

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
NAME_RULE = "1 to 64 of the letters a to z, digits, _ and -"
MESSAGE_KEYS = ("role", "content", "tool_calls", "tool_call_id", "name")
TEXT_PARTS = ("text", "input_text", "output_text")
CHAT_FORM = '{"role": "user", "content": "…"}'
Tag = tuple[str, JSON]  # kind and value
Piece = str | Tag


class TurnBuilder:
    """The messages of one conversation, added in their order."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._open: list[str] = []  # ids of calls without a result
        self._ids: set[str] = set()

    def add(self, role: Role | None, pieces: Sequence[Piece]) -> "TurnBuilder":
        """Add the text and the tags below a role line, or before the first one (None).

        Raises:
            WorkbenchError: a tag in the wrong turn, or a history that no API takes.
        """
        parts, calls = list[str | Image](), list[JSON]()
        for piece in pieces:
            if isinstance(piece, str):
                parts.append(piece)
                continue
            kind, value = piece
            if kind == "image":
                parts.append(_tag_image(value, role))
                continue
            if kind == "tool_call":
                if role != "assistant":
                    raise WorkbenchError(
                        f"`tool_call` in a turn of the {role or 'template'}",
                        fix="write it below a line `assistant:`",
                    )
                calls.append(value)
                continue
            self._end_turn(role, parts, calls)
            role, parts, calls = None, [], []
            for message in value if isinstance(value, list) else [value]:
                self._add_message(message)
        self._end_turn(role, parts, calls)
        return self

    def finish(self) -> tuple[Message, ...]:
        """Return all messages.

        Raises:
            WorkbenchError: a call has no result.
        """
        self._close_calls("the conversation ends")
        return tuple(self.messages)

    def _end_turn(
        self, role: Role | None, parts: Sequence[str | Image], calls: Sequence[JSON]
    ) -> None:
        text = "".join(part for part in parts if isinstance(part, str))
        if role is not None and any(isinstance(part, Image) for part in parts):
            self._append(Message.of_parts(role, parts), calls)
        elif role is not None:
            self._append(Message(role, "" if calls and not text.strip() else text), calls)
        elif text.strip():
            raise WorkbenchError(
                f"text outside of a turn: {text.strip()[:60]!r}",
                fix="put `user:` on a line of its own above it",
            )

    def _add_message(self, message: JSON) -> None:
        """Add a message of a row."""
        if not isinstance(message, dict) or "role" not in message:
            shown = message if isinstance(message, str) else json.dumps(message)
            fix = f"give a list of messages: {CHAT_FORM}"
            if isinstance(message, str):
                fix += "; of JSON text: `{% messages history|fromjson %}`"
            raise WorkbenchError(f"`messages` gives {shown[:60]!r}, not a message", fix=fix)
        message = {key: value for key, value in message.items() if value not in (None, [], "")}
        role, content = message["role"], message.get("content", "")
        if role not in ROLES:
            fix = f"the roles are {', '.join(ROLES)}"
            raise WorkbenchError(f"a message has the role {role!r}", fix=fix)
        for key in message.keys() - set(MESSAGE_KEYS):
            fix = f"remove it; a message takes {', '.join(MESSAGE_KEYS)}"
            raise WorkbenchError(f"a message of the {role} has the key {key!r}", fix=fix)
        parts: list[str | Image] = []
        if isinstance(content, list):
            parts = [_part(part, role) for part in content]
            content = "".join(part for part in parts if isinstance(part, str))
        if not isinstance(content, str):
            fix = f"write a text: {CHAT_FORM}"
            raise WorkbenchError(f"the content of a message is {content!r:.60}", fix=fix)
        calls = message.get("tool_calls", [])
        if not isinstance(calls, list):
            message_text = f"`tool_calls` of a message is {calls!r:.60}, not a list"
            raise WorkbenchError(message_text, fix="give a list of calls")
        call_id, name = str(message.get("tool_call_id", "")), str(message.get("name", ""))
        turn = Message(cast("Role", role), content, (), call_id, name)
        if any(isinstance(part, Image) for part in parts):
            turn = replace(Message.of_parts(turn.role, parts, name), tool_call_id=call_id)
        self._append(turn, calls)

    def _append(self, message: Message, calls: Sequence[JSON]) -> None:
        """Add a message with its unchecked calls."""
        if message.role != "tool":
            self._close_calls(f"a turn of the {message.role} follows")
        if calls and message.role != "assistant":
            fix = "only the assistant calls tools"
            raise WorkbenchError(f"a turn of the {message.role} has `tool_calls`", fix=fix)
        if message.role == "tool":
            message = self._result(message)
        elif message.tool_call_id:
            fix = "only turns of tools have one"
            raise WorkbenchError(f"a turn of the {message.role} has a `tool_call_id`", fix=fix)
        checked = tuple(self._checked_call(call) for call in calls)
        self.messages.append(replace(message, tool_calls=checked) if checked else message)

    def _result(self, message: Message) -> Message:
        """Return the turn of a tool with the id of its call."""
        call_id = message.tool_call_id
        if not call_id and self._open:
            call_id = self._open[0]
        if call_id not in self._open:
            problem = "a turn of a tool without a call before it"
            fix = "put the assistant's turn with the call before it"
            if call_id:
                again = call_id in self._ids
                kind = "a second result of the call" if again else "the unknown tool_call_id"
                problem = f"a turn of a tool has {kind} {call_id!r}"
            if self._open:
                fix = f"calls without a result: {list_first(self._open, 8)}"
            raise WorkbenchError(problem, fix=fix)
        self._open.remove(call_id)
        return Message("tool", message.content, (), call_id, message.name)

    def _checked_call(self, call: JSON) -> JSON:
        """Return a call in the form of OpenAI's chat API; one without an id gets one."""
        fields = call if isinstance(call, dict) else {}
        function = fields.get("function", fields)
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
            fix = '{"id": "…", "type": "function", "function": {"name": "…", "arguments": "{}"}}'
            shown = f"a call of the tool {name!r:.80}" if name else f"a call is {call!r:.80}"
            raise WorkbenchError(shown, fix=f"a name is {NAME_RULE}: {fix}")
        arguments = function.get("arguments") or {}
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        # Nine letters and digits: Mistral takes no other ids.
        call_id = str(fields.get("id") or f"call{len(self._ids) + 1:05}")
        if call_id in self._open:
            raise WorkbenchError(f"two calls with the id {call_id!r}", fix="give each its own id")
        self._open.append(call_id)
        self._ids.add(call_id)
        return {
            "id": call_id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }

    def _close_calls(self, event: str) -> None:
        if self._open:
            calls = list_first([repr(call_id) for call_id in self._open], 4)
            raise WorkbenchError(
                f"the call {calls} has no result, and {event}",
                fix="add a turn `tool:` with the result of each call",
            )


def _part(part: JSON, role: str) -> str | Image:
    """A part of a message's content, in the forms of OpenAI's two chat APIs."""
    fields = part if isinstance(part, dict) else {}
    kind = fields.get("type")
    if kind in TEXT_PARTS:
        return str(fields.get("text") or "")
    if kind in ("image_url", "input_image"):
        nested = fields.get("image_url")
        fields = nested if isinstance(nested, dict) else {**fields, "url": nested}
        return _image(fields.get("url"), fields.get("detail"), role)
    kind = kind if fields else part
    fix = "give its content as a text, or as parts of type text or image_url"
    raise WorkbenchError(f"a message of the {role} has a part of type {kind!r:.60}", fix=fix)


def _tag_image(value: JSON, role: Role | None) -> Image:
    """The image of a tag, whose value has the arguments."""
    urls, settings = value["urls"], {name: v for name, v in value.items() if name != "urls"}
    for name in settings.keys() - {"detail"}:
        raise unknown_name("argument of `image`:", name, ["detail"])
    if len(urls) != 1:
        fix = 'write {% image photo %} or {% image photo, detail="low" %}'
        raise WorkbenchError(f"`image` with {len(urls)} images", fix=f"{fix}; a tag for each image")
    return _image(urls[0], settings.get("detail"), role or "template")


def _image(url: JSON, detail: JSON, role: str) -> Image:
    if role != "user":
        fix = "move it below a line `user:`; models take images from the user only"
        raise WorkbenchError(f"an image in a turn of the {role}", fix=fix)
    if not isinstance(url, str) or not url.strip():
        fix = "give a path, an http address or a data URL"
        if isinstance(url, list):
            fix = "write {% for photo in photos %}{% image photo %}{% endfor %}"
        elif not url:
            fix += "; for rows without one: {% if photo %}{% image photo %}{% endif %}"
        raise WorkbenchError(f"an image is {url!r:.60}", fix=fix)
    if detail is not None and not (isinstance(detail, str) and detail.isidentifier()):
        fix = "write low, high or auto"
        raise WorkbenchError(f"the detail of an image is {detail!r:.60}", fix=fix)
    return Image(url, detail or "")
