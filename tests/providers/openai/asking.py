"""Requests like those of a plan."""

from workbench.conversation import Conversation, Message
from workbench.model import PromptCall, Provider, Request


def request_for(provider: Provider, text: str, *, api: str = "chat") -> Request:
    """Return a request whose key is its text."""
    conversation = (
        Conversation((Message("user", text),)) if api != "completions" else Conversation(text=text)
    )
    prepared = provider.prepare(PromptCall(conversation, {"max_tokens": 8, "temperature": 0}))
    return Request.from_body(text, prepared.body)
