"""The tables of recorded variants, by run id, as plain data.

RunTable(run_id="91ab…", variant="few_shot · m", rows=[{"id": "r1", "output": "positive", …}])
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from workbench.errors import WorkbenchError, unknown_name
from workbench.project import Project
from workbench.tracking.evaluate import TABLE_FILE
from workbench.tracking.mlflow_client import access_fix
from workbench.tracking.record_state import plain_name
from workbench.tracking.rows_parquet import FILE_NAME
from workbench.tracking.run_names import NAME
from workbench.tracking.runs import PLAN, TRACED, VARIANT, child_runs
from workbench.tracking.tracking_store import TrackingStore, connect_to_read


@dataclass(frozen=True)
class RunTable:
    """The rows of one variant's run, with columns as in its artifact."""

    run_id: str
    variant: str
    rows: Sequence[Mapping[str, Any]]


def read_run_tables(
    project: Project, tracking_uri: str, run_ids: Sequence[str]
) -> Iterator[RunTable]:
    """The tables of runs of variants, or of all variants of an invocation's run.

    Raises:
        WorkbenchError: there is no such run, workbench did not record it, or it has no table.
    """
    store = connect_to_read(project, tracking_uri)
    for run_id in run_ids:
        try:
            run = store.client.get_run(run_id)
            children = child_runs(store, run) if PLAN in run.data.tags else [run]
            for child in children:
                name = child.data.tags.get(NAME) or plain_name(child)
                yield RunTable(child.info.run_id, name, _read_rows(store, child))
        except (MlflowException, OSError) as error:
            raise WorkbenchError(
                f"the rows of run {run_id} can't be read: {error}",
                where=store.masked_uri,
                fix=access_fix(error, "its experiment")
                or "name runs that results.run_ids or MLflow shows",
            ) from error


def newest_invocation(project: Project, tracking_uri: str, experiment_name: str) -> str:
    """The run of an experiment's newest invocation.

    Raises:
        WorkbenchError: there is no such experiment, or it has no run of Workbench.
    """
    store = connect_to_read(project, tracking_uri)
    try:
        experiments = {e.name: e.experiment_id for e in store.client.search_experiments()}
        if experiment_name not in experiments:
            raise unknown_name(
                "task or experiment", experiment_name, experiments, where=store.masked_uri
            )
        ids, condition = [experiments[experiment_name]], f"tags.`{PLAN}` != ''"
        runs = store.client.search_runs(ids, condition, max_results=1)  # the newest first
    except MlflowException as error:
        message = f"the runs of {experiment_name!r} can't be read: {error.message}"
        fix = access_fix(error, f"the experiment {experiment_name!r}")
        raise WorkbenchError(message, where=store.masked_uri, fix=fix) from error
    if not runs:
        message, fix = f"the experiment {experiment_name!r} has no run", "workbench run first"
        raise WorkbenchError(message, where=store.masked_uri, fix=fix)
    return str(runs[0].info.run_id)


def _read_rows(store: TrackingStore, run: Run) -> list[dict[str, Any]]:
    if VARIANT not in run.data.tags:
        raise WorkbenchError(
            f"run {run.info.run_id} was not made by workbench run",
            where=store.masked_uri,
            fix="name the run of an invocation or of one of its variants",
        )
    name = FILE_NAME if TRACED in run.data.tags else TABLE_FILE
    with tempfile.TemporaryDirectory() as folder:
        path = download_artifacts(
            f"{run.info.artifact_uri}/{name}",
            dst_path=folder,
            tracking_uri=store.client.tracking_uri,
        )
        if name == TABLE_FILE:
            table = json.loads(Path(path).read_text(encoding="utf-8"))
            return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    for row in rows:
        row |= {**json.loads(row.pop("inputs")), **json.loads(row.pop("expectations"))}
    return rows
