"""The project of the scoring tests; a process and a model's server for evaluators of packages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import Bench
from evaluator_project import EvaluatorProject
from openai_server import OpenAIServer, last_message, serve

from workbench.scoring.pool import EvaluatorPool, shared_pool
from workbench.store import Store


@pytest.fixture
def project(bench: Bench) -> Iterator[EvaluatorProject]:
    with Store(bench.project.store) as store:
        yield EvaluatorProject(bench, store)


@pytest.fixture(scope="module")
def listening() -> Iterator[OpenAIServer]:
    """A server on loopback, whose address and key are in the environment."""
    with serve() as server, pytest.MonkeyPatch.context() as patched:
        patched.setenv("OPENAI_BASE_URL", server.url)
        patched.setenv("OPENAI_API_KEY", "sk-loopback")
        server.paths = (*server.paths, "/v1/embeddings", "/v1/moderations")
        yield server


@pytest.fixture
def server(listening: OpenAIServer) -> OpenAIServer:
    """The server without its requests, and with its first script."""
    listening.script = last_message
    listening.requests.clear()
    return listening


@pytest.fixture(scope="module")
def pool(listening: OpenAIServer) -> Iterator[EvaluatorPool]:
    """Processes of evaluators, which are started after the server's address is set."""
    with shared_pool() as pool:
        yield pool


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without files, whose evaluators with equal grants share a process."""
    return tmp_path_factory.mktemp("project")
