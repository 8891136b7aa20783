"""An MLflow store for the tests of a module, and a task of its own for each test."""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from team import Team

from workbench.project import Project
from workbench.secrets import Redactor
from workbench.tracking.tracking_store import connect


@pytest.fixture(scope="module")
def team_store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Team]:
    """An MLflow store for the tests of a module, each of which has a task of its own."""
    root = tmp_path_factory.mktemp("team")
    project = Project(root)
    file = project.store / "mlflow.db"
    shutil.copy(empty_store, file)
    before = mlflow.get_tracking_uri()
    store = connect(project, f"sqlite:///{file}", redactor=Redactor())
    experiment_id = store.experiment("evaluations")
    run = store.client.create_run(experiment_id, int(time.time() * 1000), {}, "variant")
    yield Team(store, project.store, run.info.run_id)
    mlflow.set_tracking_uri(before)
    mlflow.set_registry_uri(None)


@pytest.fixture
def team(team_store: Team, request: pytest.FixtureRequest) -> Team:
    """A task with two prompts, `plain` and `loud`."""
    team = replace(team_store, task=re.sub(r"\W", "_", request.node.name)[-60:])
    team.add_prompts("plain", "loud")
    return team
