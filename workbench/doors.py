"""What an experiment file may name that lies elsewhere, opened only when it is named.

experiment.py knows neither mlflow nor the process that evaluators are found in; it is handed these
functions, and what they need is imported by the first of them that is called.
"""

import importlib
from collections.abc import Sequence
from typing import Any

from workbench.evaluator import Evaluator, Spec
from workbench.experiment import Doors
from workbench.project import Project
from workbench.prompt import Prompt, Reference, Renderer


def open_doors(project: Project, tracking_uri: str = "", *, judges: bool = True) -> Doors:
    """The registry and the datasets of the project's MLflow store, and its evaluators."""

    def registry(task: str, reference: Reference, renderer: Renderer) -> Prompt:
        tracking = importlib.import_module("workbench.tracking")
        found: Prompt = tracking.find_version(project, tracking_uri, task, reference, renderer)
        return found

    def dataset(name: str) -> list[dict[str, Any]]:
        tracking = importlib.import_module("workbench.tracking")
        rows: list[dict[str, Any]] = tracking.read_dataset(project, tracking_uri, name)
        return rows

    def evaluators(specs: Sequence[Spec]) -> list[Evaluator]:
        scoring = importlib.import_module("workbench.scoring")
        found: list[Evaluator] = scoring.find_evaluators(specs)
        return found

    return Doors(registry, dataset, evaluators, judges)
