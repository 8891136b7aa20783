"""A project with an MLflow store of its own, its tables copied from one made once."""

import shutil
from pathlib import Path

import pytest
from bench import Bench
from recording import Recording

from workbench.project import Project
from workbench.tracking.tracking_store import connect


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables take a second to make."""
    root = tmp_path_factory.mktemp("store")
    (root / "prompts").mkdir()
    connect(Project(root), f"sqlite:///{root / 'mlflow.db'}")
    return root / "mlflow.db"


@pytest.fixture
def recording(bench: Bench, empty_store: Path) -> Recording:
    """The project of `bench`, recorded into a fresh store."""
    place = bench.project.store / "mlflow.db"
    shutil.copy(empty_store, place)
    return Recording(bench, bench.project, f"sqlite:///{place}")
