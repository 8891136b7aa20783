"""What a run in MLflow was: its variant, or those of the runs below it."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from workbench.errors import ExitCode, WorkbenchError
from workbench.project import Project
from workbench.results.metrics import RecordedVariant
from workbench.tracking.runs import PLAN, VARIANT, below
from workbench.tracking.tracking_store import TrackingStore, connect


def recorded_variants(project: Project, tracking_uri: str, run_id: str) -> list[RecordedVariant]:
    """The variants that a run stands for: its own, or all of an invocation.

    Raises:
        WorkbenchError: there is no such run, it is none of ours, or it was never finished.
    """
    try:
        place = connect(project, tracking_uri)
        run = place.client.get_run(run_id)
        runs = [run] if VARIANT in run.data.tags else _below(place, run)
        return [_recalled(place, one) for one in runs]
    except WorkbenchError as error:  # here nothing is paid for yet
        error.exit_code = ExitCode.USER
        raise
    except MlflowException as error:
        raise WorkbenchError(
            f"run {run_id} can't be looked up: {error.message}",
            fix="workbench run names its run in its last lines; `workbench ui` shows them all",
        ) from error


def _below(place: TrackingStore, run: Run) -> Sequence[Run]:
    if PLAN not in run.data.tags:
        raise WorkbenchError(
            f"run {run.info.run_id} was not made by workbench run",
            where=place.shown,
            fix="name the run of an invocation or of one of its variants",
        )
    return below(place, run)


def _recalled(place: TrackingStore, run: Run) -> RecordedVariant:
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = place.client.download_artifacts(run.info.run_id, "results.json", folder)
        except (MlflowException, OSError) as error:
            raise WorkbenchError(
                f"run {run.info.run_id} has no results: it was never recorded to its end",
                where=place.shown,
                fix="workbench sync records what is missing",
            ) from error
        said = json.loads(Path(file).read_text(encoding="utf-8"))
    (linked,) = json.loads(run.data.tags["mlflow.linkedPrompts"])
    task, _, prompt = linked["name"].partition(".")
    return RecordedVariant(
        task=task,
        prompt=f"{prompt}@{linked['version']}",
        digest=said["digest"],
        model=said["model"],
        parameters=said["parameters"],
    )
