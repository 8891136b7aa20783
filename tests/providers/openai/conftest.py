"""A server on loopback and the provider that asks it."""

from collections.abc import Callable, Iterator

import pytest
from openai_server import OpenAIServer, serve

from workbench.conversation import Conversation, Message
from workbench.model import Call, Completion, Model, Provider, Request, open_provider

FAST = {"concurrency": 4, "timeout_s": 10.0, "backoff_s": 0.01}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serve() as running:
        yield running


@pytest.fixture(autouse=True)
def no_keys_of_the_developer(monkeypatch) -> None:
    for name in ("API_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID", "CUSTOM_HEADERS", "ADMIN_KEY"):
        monkeypatch.delenv(f"OPENAI_{name}", raising=False)


@pytest.fixture
def open_model(server) -> Callable[..., Provider]:
    """The provider of the model `m` at the server, as a file would name it."""

    def opened(**settings) -> Provider:
        said = {"base_url": server.url, **FAST, **settings}
        return open_provider(Model("openai", "m", settings=said))

    return opened


@pytest.fixture
def ask(open_model) -> Callable[..., list[Completion]]:
    """The answers to some last messages, in the order of these."""

    def asked(*texts: str, **settings) -> list[Completion]:
        provider = open_model(**settings)
        api = settings.get("api", "chat")
        requests = [request_for(provider, text, api=api) for text in texts]
        answers = {answer.key: answer for answer in provider.complete(requests)}
        return [answers[request.key] for request in requests]

    return asked


def request_for(provider: Provider, text: str, *, api: str = "chat") -> Request:
    """A request known by its text."""
    said = Conversation((Message("user", text),)) if api == "chat" else Conversation(text=text)
    prepared = provider.prepare(Call(said, {"max_tokens": 8, "temperature": 0}))
    return Request(text, prepared.body)
