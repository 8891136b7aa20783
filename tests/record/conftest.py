"""A project with an MLflow store of its own, its tables copied from one made once."""

import shutil
from pathlib import Path

import pytest
from bench import Bench
from recording import Recording


@pytest.fixture
def recording(bench: Bench, empty_store: Path) -> Recording:
    """The project of `bench`, recorded into a fresh store."""
    place = bench.project.store / "mlflow.db"
    shutil.copy(empty_store, place)
    return Recording(bench, bench.project, f"sqlite:///{place}")
