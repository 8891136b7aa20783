"""The input of a model: chat messages, or one raw text.

A last assistant message is a prefill, the beginning of the answer:

>>> Conversation((Message("user", "Good film?"), Message("assistant", "Sentiment:"))).prefill
'Sentiment:'
>>> call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "[1, 2]"}}
>>> Message("assistant", "", tool_calls=(call,)).as_json()["tool_calls"][0]["function"]["name"]
'add'

A turn of the user may have images between its texts:

>>> turn = Message.of_parts("user", ["What is this?", Image("https://a.org/b.png", "low")])
>>> turn.as_json()["content"][1]
{'type': 'image_url', 'image_url': {'url': 'https://a.org/b.png', 'detail': 'low'}}
>>> print(turn.as_text())
user:
What is this?
[image https://a.org/b.png]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from workbench.canonical import JSON
from workbench.errors import bytes_text

ROLES = ("system", "developer", "user", "assistant", "tool")
Role = Literal["system", "developer", "user", "assistant", "tool"]
FILE_SCHEME = "sha256:"
SHOWN_URL = 80  # characters of an image's address in a placeholder
SHOWN_DIGITS = 12  # of an image's digest


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a turn of the user.

    Attributes:
        url: an http address, or `sha256:` and the digest of a file's content; before the image is
            read, the path or address that the template gives.
        detail: `low`, `high`, …; empty: not sent.
        media_type, size: of a file: `image/png`, and its bytes.
        name: of the file, for people; it is no part of a request.
    """

    url: str
    detail: str = ""
    media_type: str = ""
    size: int = 0
    name: str = field(default="", compare=False)

    def as_json(self) -> dict[str, JSON]:
        """Return the part of a turn, as chat APIs take it once it holds the file's content."""
        fields: dict[str, JSON] = {"url": self.url, "media_type": self.media_type}
        fields |= {"bytes": self.size, "detail": self.detail}
        present = {name: value for name, value in fields.items() if value}
        return {"type": "image_url", "image_url": present}

    @classmethod
    def from_json(cls, fields: Mapping[str, JSON]) -> "Image":
        """Return the image of the fields that `as_json` wrote."""
        size = fields.get("bytes", 0)
        return cls(fields["url"], fields.get("detail", ""), fields.get("media_type", ""), size)

    def as_text(self) -> str:
        """Return a placeholder: `[image photo.png, sha256:1a2b3c4d5e6f…, 34.1 kB]`."""
        if not self.size:
            more = "…" if len(self.url) > SHOWN_URL else ""
            return f"[image {self.url[:SHOWN_URL]}{more}]"
        shown_digest = self.url[: len(FILE_SCHEME) + SHOWN_DIGITS]
        return f"[image {self.name or self.media_type}, {shown_digest}…, {bytes_text(self.size)}]"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat.

    Attributes:
        content: its text; of a turn with images, all of its texts.
        tool_calls: of an assistant, in the form of OpenAI's chat API: `arguments` is JSON text.
        tool_call_id: of a tool: the call that this is the result of.
        name: of the speaker or the tool; mostly empty.
        parts: the texts and images of a turn with images, in order; else empty.
    """

    role: Role
    content: str
    tool_calls: tuple[JSON, ...] = ()
    tool_call_id: str = ""
    name: str = ""
    parts: tuple[str | Image, ...] = field(default=(), repr=False)

    @classmethod
    def of_parts(cls, role: Role, parts: Sequence[str | Image], name: str = "") -> "Message":
        """Return a turn with images; texts without a visible character are left out."""
        visible = tuple(p for p in parts if isinstance(p, Image) or p.strip())
        text = "".join(part for part in visible if isinstance(part, str))
        return cls(role, text, (), "", name, visible)

    def as_json(self) -> dict[str, JSON]:
        """Return the turn as chat APIs take it."""
        message: dict[str, JSON] = {"role": self.role, "content": self.content}
        if self.parts:
            message["content"] = [
                {"type": "text", "text": part} if isinstance(part, str) else part.as_json()
                for part in self.parts
            ]
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
        if isinstance(content := message["content"], list):
            parts = [
                part["text"] if part["type"] == "text" else Image.from_json(part["image_url"])
                for part in content
            ]
            return cls.of_parts(message["role"], parts, message.get("name", ""))
        calls = tuple(message.get("tool_calls") or ())
        fields = {**message, "content": message["content"] or "", "tool_calls": calls}
        return cls(**fields)

    @property
    def shown(self) -> str:
        """Its text for people, with a placeholder for each image."""
        if not self.parts:
            return self.content
        return "\n".join(p if isinstance(p, str) else p.as_text() for p in self.parts)

    def as_text(self) -> str:
        """Return the turn for people: its role, its text, a line for each call."""
        calls = (call["function"] for call in self.tool_calls)
        lines = [f"{call['name']}({call['arguments']})" for call in calls]
        texts = [self.shown] if self.content or self.parts or not lines else []
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
    def has_images(self) -> bool:
        """True if a turn has an image."""
        return any(message.parts for message in self.messages)

    @property
    def content(self) -> str:
        """The texts of all turns, joined."""
        return self.text or "".join(message.content for message in self.messages)

    def as_text(self) -> str:
        """Return the conversation for people, with a line for each role."""
        if self.text is not None:
            return self.text
        return "\n".join(message.as_text() for message in self.messages)
