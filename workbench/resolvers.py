"""Resolvers for names in an experiment file: registry prompts, MLflow datasets, evaluators.

The `experiment` package imports neither MLflow nor the evaluators' process. It gets these
functions, which import them at the first call.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.dataset import RowsCache
from workbench.evaluator import Evaluator, Spec
from workbench.experiment import Resolvers
from workbench.project import Project
from workbench.prompt import Prompt, Reference
from workbench.store.changes import VIEWS

if TYPE_CHECKING:
    from workbench.tracking.mlflow_lookup import RegisteredVersions


def project_resolvers(
    project: Project, tracking_uri: str = "", *, require_env: bool = True
) -> Resolvers:
    """Resolvers for the project's MLflow store and its evaluators."""

    @cache
    def versions() -> "RegisteredVersions":
        from workbench.tracking.mlflow_lookup import RegisteredVersions
        from workbench.tracking.tracking_store import connect_to_read

        return RegisteredVersions(connect_to_read(project, tracking_uri))

    def registry(task: str, reference: Reference) -> Prompt:
        project.require_tracking(tracking_uri, f"{task}/{reference}")
        return versions().read(project.registered_name(task, reference.name), reference)

    def dataset(name: str) -> list[dict[str, Any]]:
        project.require_tracking(tracking_uri, f"the MLflow dataset {name!r}")
        from workbench.tracking.mlflow_lookup import read_dataset

        return read_dataset(project, tracking_uri, name)

    def evaluators(specs: Sequence[Spec]) -> list[Evaluator]:
        from workbench.scoring.pool import find_evaluators

        return find_evaluators(specs)

    rows_cache = RowsCache(project.store / VIEWS)
    return Resolvers(registry, dataset, evaluators, require_env, rows_cache)
