"""What is said to a model: chat messages, or one raw text.

    Conversation((Message("user", "Good film?"), Message("assistant", "Sentiment:")))

A last assistant message is a prefill: the beginning of the answer.
"""

from dataclasses import dataclass
from typing import Literal

ROLES = ("system", "developer", "user", "assistant")
Role = Literal["system", "developer", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn."""

    role: Role
    content: str

    def as_json(self) -> dict[str, str]:
        """The turn in the shape every chat API takes."""
        return {"role": self.role, "content": self.content}


@dataclass(frozen=True, slots=True)
class Conversation:
    """One rendered prompt: `messages` for a chat model, or `text` for a base model, never both."""

    messages: tuple[Message, ...] = ()
    text: str | None = None

    @property
    def prefill(self) -> str:
        """The beginning of the answer that the prompt gives, empty where it gives none."""
        if self.messages and self.messages[-1].role == "assistant":
            return self.messages[-1].content
        return ""
