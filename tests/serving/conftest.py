"""A server for a file of tests."""

from collections.abc import Iterator

import pytest
from echo_server import RunningServer, running_server

from workbench.serving.serve_options import ServeOptions


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """A server without tokens, which takes any number of requests a second."""
    options = ServeOptions("echo", port=0, rate=0, receive_timeout=0.5)
    with running_server(options) as running:
        yield running
