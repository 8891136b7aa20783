"""Requests like those of a plan, and all completions of a provider."""

from collections.abc import Iterable
from dataclasses import replace

from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError
from workbench.model import Completion, Permit, PromptCall, Provider, Request, UnlimitedPermit

NO_LIMIT = UnlimitedPermit()


def request_for(provider: Provider, text: str, *, api: str = "chat") -> Request:
    """Return a request whose key is its text."""
    conversation = (
        Conversation((Message("user", text),)) if api != "completions" else Conversation(text=text)
    )
    prepared = provider.prepare(PromptCall(conversation, {"max_tokens": 8, "temperature": 0}))
    return Request.from_body(text, prepared.body)


def collected(
    provider: Provider, texts: Iterable[str], permit: Permit = NO_LIMIT
) -> tuple[list[Completion], WorkbenchError | None]:
    """All completions, and the error that ended the model."""
    completions: list[Completion] = []
    error = None
    requests = (replace(request_for(provider, text), permit=permit) for text in texts)
    try:
        for completion in provider.complete(requests):
            completions.append(completion)
    except WorkbenchError as raised:
        error = raised
    return completions, error
