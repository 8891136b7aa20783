"""Three real servers; `make endpoints` installs them and runs these tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai_server import OpenAIServer, serve
from real_servers import Endpoint, litellm_proxy, llama_server, transformers_serve

from workbench.catalog.cache import cache_dir

NOTES: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    installed = os.environ.get("WORKBENCH_ENDPOINTS") == "installed"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(1200))
            if not installed:
                item.add_marker(pytest.mark.skip(reason="needs real servers: make endpoints"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for note in NOTES:
        terminalreporter.write_line(note)


@pytest.fixture(scope="session")
def notes() -> list[str]:
    """Lines that are printed after the tests."""
    return NOTES


@pytest.fixture(scope="session")
def llama() -> Iterator[Endpoint]:
    with llama_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def hf_serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    cache = cache_dir()
    (weights,) = (cache / "models").glob("smollm2-135m-instruct-*-float32")
    with transformers_serve(weights, tmp_path_factory.mktemp("serve")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def behind() -> Iterator[OpenAIServer]:
    """The scripted server behind the proxy."""
    with serve() as server:
        yield server


@pytest.fixture(scope="session")
def litellm(behind: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    os.environ["LITELLM_KEY"] = "sk-proxy"
    with litellm_proxy(behind.url, tmp_path_factory.mktemp("litellm")) as endpoint:
        yield endpoint
