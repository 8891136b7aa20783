"""The input of a model: chat messages, or one raw text.

A last assistant message is a prefill, the beginning of the answer:

>>> Conversation((Message("user", "Good film?"), Message("assistant", "Sentiment:"))).prefill
'Sentiment:'
>>> call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "[1, 2]"}}
>>> Message("assistant", "", tool_calls=(call,)).as_json()["tool_calls"][0]["function"]["name"]
'add'
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.canonical import JSON

ROLES = ("system", "developer", "user", "assistant", "tool")
Role = Literal["system", "developer", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat.

    Attributes:
        tool_calls: of an assistant, in the form of OpenAI's chat API: `arguments` is JSON text.
        tool_call_id: of a tool: the call that this is the result of.
        name: of the speaker or the tool; mostly empty.
    """

    role: Role
    content: str
    tool_calls: tuple[JSON, ...] = ()
    tool_call_id: str = ""
    name: str = ""

    def as_json(self) -> dict[str, JSON]:
        """Return the turn as chat APIs take it."""
        message: dict[str, JSON] = {"role": self.role, "content": self.content}
        if self.tool_calls:
            message |= {"content": self.content or None, "tool_calls": list(self.tool_calls)}
        if self.tool_call_id:
            message["tool_call_id"] = self.tool_call_id
        if self.name:
            message["name"] = self.name
        return message

    @classmethod
    def from_json(cls, message: Mapping[str, JSON]) -> "Message":
        """Return the turn that `as_json` wrote."""
        calls = tuple(message.get("tool_calls") or ())
        fields = {**message, "content": message["content"] or "", "tool_calls": calls}
        return cls(**fields)

    def as_text(self) -> str:
        """Return the turn for people: its role, its text, a line for each call."""
        calls = (call["function"] for call in self.tool_calls)
        lines = [f"{call['name']}({call['arguments']})" for call in calls]
        texts = [self.content] if self.content or not lines else []
        return "\n".join([f"{self.role}:", *texts, *lines])


@dataclass(frozen=True, slots=True)
class Conversation:
    """One rendered prompt: `messages` for a chat model, or `text` for a base model, not both."""

    messages: tuple[Message, ...] = ()
    text: str | None = None

    @property
    def prefill(self) -> str:
        """The beginning of the answer in the prompt; empty if there is none."""
        if self.messages and self.messages[-1].role == "assistant":
            return self.messages[-1].content
        return ""

    @property
    def content(self) -> str:
        """The texts of all turns, joined."""
        return self.text or "".join(message.content for message in self.messages)

    def as_text(self) -> str:
        """Return the conversation for people, with a line for each role."""
        if self.text is not None:
            return self.text
        return "\n".join(message.as_text() for message in self.messages)
