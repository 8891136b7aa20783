"""The recorded runs of an experiment, read by search: without artifacts.

    parent   tag workbench.evaluators  {"label_match": {"digest": "9f86…", "limits": [0, 1], …}}
      child  tag workbench.metrics     {"label_match": {"mean": 0.78, "low": 0.707, …}}

Parameters, git commit, prompt and dataset are what MLflow shows of each run.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID
from pydantic import TypeAdapter

from workbench.comparing.history import (
    DATASET_LABELS,
    RecordedEvaluator,
    RecordedMean,
    VariantRecord,
)
from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.tracking.mlflow_client import access_fix
from workbench.tracking.record_state import NOTE, ROWS, plain_name
from workbench.tracking.registry import LINKED_PROMPTS
from workbench.tracking.run_data import EVALUATORS, METRICS
from workbench.tracking.run_names import NAME
from workbench.tracking.runs import DIRTY, PLAN, RACE, TRACED, VARIANT, variant_order
from workbench.tracking.tracking_store import TrackingStore, connect_to_read, read_pages

T = TypeVar("T")
PROMPT_LINKS = TypeAdapter(list[dict[str, str]])
RECORDED_EVALUATORS = TypeAdapter(Mapping[str, RecordedEvaluator])
RECORDED_MEANS = TypeAdapter(Mapping[str, RecordedMean])
# Parameters of a run that are no settings of its variant.
DATASET_PARAMS = {"prompt_version", "dataset", "rows", "repeats", "cluster"}
PAGE = 1_000  # runs
MAX_SPREAD_MS = 10_000  # variants: a child starts so many milliseconds before its parent, at most


@dataclass(frozen=True)
class RecordedRuns:
    """The variants of an experiment's invocations.

    Attributes:
        variants: in each invocation's order.
        incomplete: runs of variants whose recording was not completed.
        older: True if the experiment has earlier invocations.
    """

    variants: Sequence[VariantRecord] = ()
    incomplete: int = 0
    older: bool = False


def find_runs(project: Project, tracking_uri: str, experiment_name: str, last: int) -> RecordedRuns:
    """The variants of an experiment's `last` invocations.

    Raises:
        WorkbenchError: none is recorded, or MLflow can't be read.
    """
    store = connect_to_read(project, tracking_uri)
    try:
        experiment = store.client.get_experiment_by_name(experiment_name)
        runs = RecordedRuns()
        if experiment:
            runs = read_recorded_runs(store, experiment.experiment_id, last)
    except MlflowException as error:
        message = f"the runs of {experiment_name!r} can't be read: {error.message}"
        fix = access_fix(error, f"the experiment {experiment_name!r}")
        raise WorkbenchError(message, where=store.masked_uri, fix=fix) from error
    if not runs.variants:
        completely = " completely" if runs.incomplete else ""
        raise WorkbenchError(
            f"no run of {experiment_name!r} is recorded{completely}",
            where=store.masked_uri,
            fix="workbench sync records what is missing" if runs.incomplete else "workbench run",
        )
    return runs


def read_recorded_runs(store: TrackingStore, experiment_id: str, last: int) -> RecordedRuns:
    """The variants of the `last` invocations of an experiment."""
    newest = store.client.search_runs(
        [experiment_id],
        f"tags.`{PLAN}` LIKE '%'",
        max_results=last + 1,
        order_by=["attributes.start_time DESC"],
    )
    parents = {run.info.run_id: run for run in newest[:last]}
    if not parents:
        return RecordedRuns()
    since = min(run.info.start_time for run in parents.values()) - MAX_SPREAD_MS
    query = f"tags.`{VARIANT}` LIKE '%' AND attributes.start_time >= {since}"
    children = [
        run
        for run in read_pages(
            lambda token: store.client.search_runs(
                [experiment_id], query, max_results=PAGE, page_token=token
            )
        )
        if run.data.tags.get(MLFLOW_PARENT_RUN_ID) in parents
    ]
    starts = {run_id: -run.info.start_time for run_id, run in parents.items()}
    children.sort(
        key=lambda run: (starts[run.data.tags[MLFLOW_PARENT_RUN_ID]], *variant_order(run))
    )
    complete = [run for run in children if run.data.tags.get(ROWS, "-") != "-"]
    variants = [
        variant_record(run, parents[run.data.tags[MLFLOW_PARENT_RUN_ID]]) for run in complete
    ]
    return RecordedRuns(variants, len(children) - len(complete), older=len(newest) > last)


def variant_record(run: Run, parent: Run) -> VariantRecord:
    """The record of a variant's completely recorded run."""
    tags, params = run.data.tags, run.data.params
    links = read_tag(PROMPT_LINKS, run, LINKED_PROMPTS) or [{}]
    return VariantRecord(
        invocation=parent.info.run_id,
        run_id=run.info.run_id,
        started_ms=parent.info.start_time,
        name=tags.get(NAME) or plain_name(run),
        prompt=links[0].get("name") or params.get("prompt", ""),
        version=params.get("prompt_version", ""),
        model=params.get("model", ""),
        answers=tags[ROWS],
        commit=tags.get(MLFLOW_GIT_COMMIT, ""),
        modified=tags.get(DIRTY) == "true",
        settings={name: value for name, value in params.items() if name not in DATASET_PARAMS},
        dataset=_dataset(run),
        evaluators=read_tag(RECORDED_EVALUATORS, parent, EVALUATORS) or {},
        metrics=read_tag(RECORDED_MEANS, run, METRICS) or _means(run),
        stopped=tags.get(RACE, ""),
        artifacts=run.info.artifact_uri,
        all_rows_file=TRACED in tags,
        note=parent.data.tags.get(NOTE, ""),
    )


def _dataset(run: Run) -> dict[str, str]:
    params, metrics = run.data.params, run.data.metrics
    digests = [each.dataset.digest for each in run.inputs.dataset_inputs] if run.inputs else []
    repeats = params.get("repeats", "1")
    rows = params.get("rows", "")
    if not rows:  # of an older version: of the oldest, rows are the answers of all repeats
        planned = metrics.get("rows/planned", metrics.get("rows/scored", math.nan))
        rows = f"{planned if 'answers/planned' in metrics else planned / int(repeats):g}"
    cluster = params.get("cluster", "")
    values = (params.get("dataset", ""), " ".join(digests), rows, repeats, cluster)
    return dict(zip(DATASET_LABELS, values, strict=True))


def _means(run: Run) -> dict[str, RecordedMean]:
    """The means of a run without the tag METRICS."""
    rows = int(run.data.metrics.get("rows/scored", 0))
    return {
        name.removesuffix("/mean"): RecordedMean(value, n=rows)
        for name, value in run.data.metrics.items()
        if name.endswith("/mean") and not math.isnan(value)
    }


def read_tag(adapter: TypeAdapter[T], run: Run, tag: str) -> T | None:
    """The content of a tag; None if it is missing or damaged: MLflow cuts long ones off."""
    try:
        return adapter.validate_json(run.data.tags.get(tag, ""))
    except ValueError:
        return None
