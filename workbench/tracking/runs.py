"""Runs: one for the invocation, one below it for every variant.

parent   sentiment, 8 variants      tags workbench.plan, workbench.recorded
  child  few_shot · gpt-4o-mini     tags workbench.variant, workbench.rows; params, metrics
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_TYPE

from workbench.canonical import JSON, canonical
from workbench.plan import Plan
from workbench.provenance import Provenance
from workbench.results import MetricResult, VariantResult
from workbench.scoring import table_of_examples
from workbench.tracking.place import Place

PLAN, VARIANT, ROWS = (f"workbench.{name}" for name in ("plan", "variant", "rows"))
RECORDED, DIRTY, VERSION = (f"workbench.{name}" for name in ("recorded", "git.dirty", "version"))
EVALUATION = "genai_evaluate"  # the run type that MLflow's Evaluation runs page shows
PACKAGES = ("prompt-workbench", "mlflow", "openai", "transformers", "datasets", "jinja2", "torch")
LONGEST_PARAM = 6000


@dataclass(frozen=True)
class Runs:
    """The runs of one invocation in one experiment."""

    place: Place
    experiment_id: str
    parent: Run
    children: Mapping[str, Run]

    @property
    def recorded(self) -> bool:
        """Whether everything was recorded and counted."""
        return bool(self.parent.data.tags.get(RECORDED) == "yes")


def find_runs(place: Place, experiment_id: str, plan: Plan) -> Runs | None:
    """The newest runs of an equal invocation; None where there is none."""
    parents = place.client.search_runs(
        [experiment_id],
        filter_string=f"tags.`{PLAN}` = '{plan.digest}'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    if not parents:
        return None
    below = place.client.search_runs(
        [experiment_id],
        filter_string=f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parents[0].info.run_id}'",
        max_results=5000,
    )
    children = {run.data.tags.get(VARIANT, ""): run for run in below}
    return Runs(place, experiment_id, parents[0], children)


def start_runs(
    place: Place, experiment_id: str, plan: Plan, provenance: Provenance, begun: float
) -> Runs:
    """A parent run and a child a variant, with all that is known before anything is scored.

    Args:
        place: the store.
        experiment_id: whose runs they are.
        plan: the invocation.
        provenance: the state of the project's files.
        begun: when the invocation began, seconds since 1970.
    """
    tags = {
        PLAN: plan.digest,
        MLFLOW_RUN_TYPE: EVALUATION,
        VERSION: version("prompt-workbench"),
        **({MLFLOW_GIT_COMMIT: provenance.commit} if provenance.commit else {}),
        **({DIRTY: str(provenance.dirty).lower()} if provenance.commit else {}),
    }
    name = f"{plan.experiment.task}, {len(plan.variants)} variants"
    if plan.scope:
        name += " (" + ", ".join(f"{key} {value}" for key, value in plan.scope.items()) + ")"
    start = int(begun * 1000)
    parent = place.client.create_run(experiment_id, start, tags, run_name=name)
    _log_files(place, parent.info.run_id, plan, provenance)
    _log_dataset(place, parent.info.run_id, plan)
    children: dict[str, Run] = {}
    for variant in reversed(plan.variants):  # MLflow shows the newest first
        own = {**tags, MLFLOW_PARENT_RUN_ID: parent.info.run_id, VARIANT: variant.digest}
        own.pop(PLAN)
        child = place.client.create_run(experiment_id, start, own, run_name=variant.name)
        children[variant.digest] = child
        _log_files(place, child.info.run_id, plan, provenance)
        _log_dataset(place, child.info.run_id, plan)
    return Runs(place, experiment_id, parent, children)


def log_params(place: Place, run_id: str, plan: Plan, result: VariantResult) -> None:
    """What the variant is."""
    variant = result.variant
    model = variant.model
    said: dict[str, JSON] = {
        "prompt": variant.prompt.ref,
        "prompt_version": variant.prompt.version,
        "model": model.model.ref,
        **{f"model.{key}": value for key, value in model.provider.identity.items()},
        **variant.parameters,
        "choice_method": variant.choice_method or None,
        "dataset": plan.experiment.dataset.name,
        "repeats": plan.experiment.repeats,
    }
    params = [
        Param(key, (value if isinstance(value, str) else canonical(value))[:LONGEST_PARAM])
        for key, value in said.items()
        if value is not None
    ]
    place.client.log_batch(run_id, params=params)


def log_metrics(place: Place, run_id: str, result: VariantResult, at: float) -> None:
    """Every number of the variant; those that are not known are left out.

    The metrics' own timestamp is the end of the sending, so that recording twice says the same.
    """
    said: dict[str, float | int | None] = {}
    for name, metric in result.metrics.items():
        said |= {f"{name}/{key}": value for key, value in _numbers(metric).items()}
    counts = result.rows
    said |= {
        "rows/planned": counts.planned,
        "rows/scored": counts.scored,
        "rows/failed": counts.failed,
        "rows/not_run": counts.not_run,
        "rows/truncated": counts.truncated,
        "tokens/input": result.input_tokens,
        "tokens/output": result.output_tokens,
        "cost": result.cost,
        "model_seconds": result.seconds,
    }
    stamp = int(at * 1000)
    known = {name: value for name, value in said.items() if value is not None}
    metrics = [Metric(name, float(value), stamp, 0) for name, value in known.items()]
    place.client.log_batch(run_id, metrics=metrics)


def _numbers(metric: MetricResult) -> dict[str, float | int | None]:
    return {
        "mean": metric.mean,
        "low": metric.low,
        "high": metric.high,
        "n": metric.n,
        "errors": metric.errors,
        "not_applicable": metric.not_applicable,
        **{f"is_{_safe(name)}": count for name, count in list(metric.outcomes.items())[:10]},
    }


def _safe(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_-. " else "_" for c in name)[:60]


def finish(place: Place, run_id: str, tags: Mapping[str, str], end: float) -> None:
    """Marks a run as done."""
    place.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    place.client.set_terminated(run_id, "FINISHED", int(end * 1000))


def _log_files(place: Place, run_id: str, plan: Plan, provenance: Provenance) -> None:
    place.client.log_dict(run_id, plan.experiment.data, "experiment.yaml")
    place.client.log_dict(run_id, environment(provenance), "environment.json")


def environment(provenance: Provenance) -> dict[str, JSON]:
    """What an answer may depend on beside the experiment file."""
    packages: dict[str, JSON] = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except ImportError:
            packages[name] = None
    return {
        "packages": packages,
        "python": provenance.python,
        "platform": provenance.platform,
        "git_commit": provenance.commit or None,
        "git_dirty": provenance.dirty if provenance.commit else None,
    }


def _log_dataset(place: Place, run_id: str, plan: Plan) -> None:
    """The rows as MLflow's dataset input: name, digest, source, schema and size."""
    dataset = plan.experiment.dataset
    data = mlflow.data.from_pandas(
        table_of_examples(plan.examples),
        source=dataset.source,
        name=Path(dataset.name).stem,
        digest=dataset.digest[:32],
    )
    entry = mlflow.entities.DatasetInput(
        mlflow.entities.Dataset(**_dataset_fields(data)),
        [mlflow.entities.InputTag("mlflow.data.context", "evaluation")],
    )
    place.client.log_inputs(run_id, datasets=[entry])


def _dataset_fields(data: "mlflow.data.pandas_dataset.PandasDataset") -> dict[str, str]:
    said = json.loads(data.to_json())
    return {
        "name": said["name"],
        "digest": said["digest"],
        "source_type": said["source_type"],
        "source": said["source"],
        "schema": said["schema"],
        "profile": said["profile"],
    }


def now() -> float:
    """Seconds since 1970."""
    return time.time()
