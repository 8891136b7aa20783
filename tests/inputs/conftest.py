"""One billing server for all bad inputs: none of them may reach it."""

from collections.abc import Iterator

import pytest
from openai_server import OpenAIServer, last_message, serve


@pytest.fixture(scope="session")
def billing_server() -> Iterator[OpenAIServer]:
    with serve() as running:
        yield running


@pytest.fixture
def billing(billing_server: OpenAIServer) -> OpenAIServer:
    """The server, without requests so far."""
    billing_server.requests.clear()
    billing_server.script = last_message
    return billing_server
