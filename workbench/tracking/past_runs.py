"""Variants of earlier runs, read from MLflow.

RecordedVariant(task="sentiment", prompt="few_shot@3", digest="9f86…", model="openai:m", …)
"""

import json
import tempfile
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.results.types import RecordedVariant
from workbench.tracking.runs import PLAN, VARIANT, child_runs
from workbench.tracking.tracking_store import TrackingStore, connect, user_errors


def recorded_variants(project: Project, tracking_uri: str, run_id: str) -> list[RecordedVariant]:
    """The variant of a run, or all variants of an invocation's parent run.

    Raises:
        WorkbenchError: there is no such run, workbench did not create it, or it is incomplete.
    """
    with user_errors():
        try:
            store = connect(project, tracking_uri)
            run = store.client.get_run(run_id)
            runs = [run] if VARIANT in run.data.tags else _variant_runs(store, run)
            return [_read_variant(store, each) for each in runs]
        except MlflowException as error:
            raise WorkbenchError(
                f"run {run_id} can't be looked up: {error.message}",
                fix="workbench run names its run in its last lines; `workbench ui` shows them all",
            ) from error


def _variant_runs(store: TrackingStore, run: Run) -> list[Run]:
    if PLAN not in run.data.tags:
        raise WorkbenchError(
            f"run {run.info.run_id} was not made by workbench run",
            where=store.masked_uri,
            fix="name the run of an invocation or of one of its variants",
        )
    return child_runs(store, run)


def _read_variant(store: TrackingStore, run: Run) -> RecordedVariant:
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = store.client.download_artifacts(run.info.run_id, "results.json", folder)
        except (MlflowException, OSError) as error:
            raise WorkbenchError(
                f"run {run.info.run_id} has no results: its recording was not completed",
                where=store.masked_uri,
                fix="workbench sync records what is missing",
            ) from error
        results = json.loads(Path(file).read_text(encoding="utf-8"))
    (prompt_link,) = json.loads(run.data.tags["mlflow.linkedPrompts"])
    task, _, prompt = prompt_link["name"].partition(".")
    return RecordedVariant(
        task=task,
        prompt=f"{prompt}@{prompt_link['version']}",
        digest=results["digest"],
        model=results["model"],
        parameters=results["parameters"],
    )
