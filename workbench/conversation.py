"""The input of a model: chat messages, or one raw text.

A last assistant message is a prefill, the beginning of the answer:

>>> Conversation((Message("user", "Good film?"), Message("assistant", "Sentiment:"))).prefill
'Sentiment:'
"""

from dataclasses import dataclass
from typing import Literal

ROLES = ("system", "developer", "user", "assistant")
Role = Literal["system", "developer", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str

    def as_json(self) -> dict[str, str]:
        """Return the turn as chat APIs take it."""
        return {"role": self.role, "content": self.content}


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
