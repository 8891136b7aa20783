"""Requests as a plan would make them."""

from workbench.conversation import Conversation, Message
from workbench.model import PromptCall, Provider, Request


def request_for(provider: Provider, text: str, *, api: str = "chat") -> Request:
    """A request known by its text."""
    said = Conversation((Message("user", text),)) if api == "chat" else Conversation(text=text)
    prepared = provider.prepare(PromptCall(said, {"max_tokens": 8, "temperature": 0}))
    return Request.from_body(text, prepared.body)
