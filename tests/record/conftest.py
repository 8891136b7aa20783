"""A project with its own MLflow store, whose tables are copied from one created per session."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import Bench
from mlflow_server import MLflowServer
from proxy import Proxy, proxied
from recording import Recording


@pytest.fixture
def recording(bench: Bench, empty_store: Path) -> Recording:
    """The project of `bench`, recorded into a new store."""
    file = bench.project.store / "mlflow.db"
    shutil.copy(empty_store, file)
    return Recording(bench, bench.project, f"sqlite:///{file}")


@pytest.fixture(scope="session")
def mlflow_server(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path
) -> Iterator[MLflowServer]:
    """One for all tests: each takes an experiment and a prompt of its own."""
    with MLflowServer(tmp_path_factory.mktemp("server"), empty_store) as server:
        yield server


@pytest.fixture
def proxy(mlflow_server: MLflowServer) -> Iterator[Proxy]:
    with proxied(mlflow_server.port) as running:
        yield running
