"""A project with its own MLflow store, whose tables are copied from one created per session."""

import shutil
from pathlib import Path

import pytest
from bench import Bench
from recording import Recording


@pytest.fixture
def recording(bench: Bench, empty_store: Path) -> Recording:
    """The project of `bench`, recorded into a new store."""
    file = bench.project.store / "mlflow.db"
    shutil.copy(empty_store, file)
    return Recording(bench, bench.project, f"sqlite:///{file}")
