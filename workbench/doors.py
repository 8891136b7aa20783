"""What an experiment file may name that lies in MLflow, opened only when it is named.

experiment.py knows no mlflow; it is handed these functions, and mlflow is imported by the
first of them that is called.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from workbench.canonical import JSON
from workbench.experiment import Doors
from workbench.project import Project
from workbench.prompt import Prompt, Reference, Renderer


def open_doors(project: Project, tracking_uri: str = "") -> Doors:
    """The registry and the datasets of the project's MLflow store."""

    def registry(task: str, reference: Reference, renderer: Renderer) -> Prompt:
        tracking = importlib.import_module("workbench.tracking")
        found: Prompt = tracking.find_version(project, tracking_uri, task, reference, renderer)
        return found

    def dataset(name: str) -> list[dict[str, Any]]:
        tracking = importlib.import_module("workbench.tracking")
        rows: list[dict[str, Any]] = tracking.read_dataset(project, tracking_uri, name)
        return rows

    def adapt(target: object, settings: Mapping[str, JSON]) -> Callable[..., Any] | None:
        made: Callable[..., Any] | None = importlib.import_module("workbench.scoring").adapt(
            target, settings
        )
        return made

    return Doors(registry, dataset, adapt)
