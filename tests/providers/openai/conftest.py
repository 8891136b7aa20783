"""A provider of the server on loopback."""

from collections.abc import Callable

import pytest
from asking import request_for

from workbench.model import Completion, Model, Provider, open_provider

FAST = {"concurrency": 4, "timeout_s": 60.0, "backoff_s": 0.01}


@pytest.fixture(autouse=True)
def no_keys_of_the_developer(monkeypatch) -> None:
    for name in ("API_KEY", "BASE_URL", "ORG_ID", "PROJECT_ID", "CUSTOM_HEADERS", "ADMIN_KEY"):
        monkeypatch.delenv(f"OPENAI_{name}", raising=False)


@pytest.fixture
def open_model(server) -> Callable[..., Provider]:
    """Open the model `m` at the server, with settings as in an experiment file."""

    def open_endpoint(**settings) -> Provider:
        merged = {"base_url": server.url, **FAST, **settings}
        return open_provider(Model("openai", "m", settings=merged))

    return open_endpoint


@pytest.fixture
def ask(open_model) -> Callable[..., list[Completion]]:
    """Send messages, and return their completions in the same order."""

    def complete(*texts: str, **settings) -> list[Completion]:
        provider = open_model(**settings)
        api = settings.get("api", "chat")
        requests = [request_for(provider, text, api=api) for text in texts]
        answers = {answer.key: answer for answer in provider.complete(requests)}
        return [answers[request.key] for request in requests]

    return complete
