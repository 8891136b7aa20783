"""Runs: one for the invocation, one below it for every variant.

parent   sentiment, 8 variants      tags workbench.plan, workbench.recorded
  child  few_shot · gpt-4o-mini     tags workbench.variant, workbench.rows; params, metrics
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version

from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_TYPE

from workbench.canonical import JSON, canonical
from workbench.plan import Plan, Variant
from workbench.provenance import Provenance
from workbench.results import VariantResult, interval_text, variant_json
from workbench.scoring import RESERVED
from workbench.tracking.place import Place

PLAN, VARIANT, ROWS = (f"workbench.{name}" for name in ("plan", "variant", "rows"))
RECORDED, DIRTY, VERSION = (f"workbench.{name}" for name in ("recorded", "git.dirty", "version"))
PARENT_TYPE = "genai_evaluate"
CHILD_TYPE = "evaluation"  # MLflow's table of artifacts opens with the children of such runs
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


def find_parent(place: Place, experiment_id: str, plan: Plan) -> Run | None:
    """The newest parent run of an equal invocation; None where there is none."""
    parents = place.client.search_runs(
        [experiment_id],
        filter_string=f"tags.`{PLAN}` = '{plan.digest}'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return parents[0] if parents else None


def open_runs(
    place: Place, experiment_id: str, plan: Plan, provenance: Provenance, parent: Run | None
) -> Runs:
    """The parent run and a child a variant; those that are missing are made.

    Args:
        place: the store.
        experiment_id: whose runs they are.
        plan: the invocation.
        provenance: the state of the project's files.
        parent: the one to go on with; None: a new one.
    """
    tags = {
        VERSION: version("prompt-workbench"),
        **({MLFLOW_GIT_COMMIT: provenance.commit} if provenance.commit else {}),
        **({DIRTY: str(provenance.dirty).lower()} if provenance.commit else {}),
    }
    if parent is None:
        own = {**tags, PLAN: plan.digest, MLFLOW_RUN_TYPE: PARENT_TYPE}
        start = int(time.time() * 1000)
        parent = place.client.create_run(experiment_id, start, own, run_name=_name(plan))
        _log_files(place, parent.info.run_id, plan, provenance)
    children = _children(place, experiment_id, parent)
    for number, variant in enumerate(plan.variants, 1):
        if variant.digest in children:
            continue
        # MLflow lists the newest first: so the file's order is the page's.
        child = place.client.create_run(
            experiment_id,
            parent.info.start_time - number,
            {**tags, **_child_tags(variant, parent)},
            run_name=variant.name,
        )
        _log_files(place, child.info.run_id, plan, provenance)
        children[variant.digest] = child
    return Runs(place, experiment_id, parent, children)


def _children(place: Place, experiment_id: str, parent: Run) -> dict[str, Run]:
    below = place.client.search_runs(
        [experiment_id],
        filter_string=f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{parent.info.run_id}'",
        max_results=5000,
    )
    return {run.data.tags.get(VARIANT, ""): run for run in below}


def _child_tags(variant: Variant, parent: Run) -> dict[str, str]:
    prompt = variant.prompt
    linked = [{"name": prompt.registered_name, "version": str(prompt.version)}]
    return {
        VARIANT: variant.digest,
        MLFLOW_PARENT_RUN_ID: parent.info.run_id,
        MLFLOW_RUN_TYPE: CHILD_TYPE,
        "mlflow.linkedPrompts": json.dumps(linked),
    }


def _name(plan: Plan) -> str:
    name = f"{len(plan.variants)} variants" if len(plan.variants) > 1 else plan.variants[0].name
    scope = ", ".join(f"{key} {value}" for key, value in plan.scope.items())
    return f"{name} ({scope})" if scope else name


def log_params(place: Place, run: Run, plan: Plan, variant: Variant) -> None:
    """What the variant is; what may differ when a run is continued (batch size, …) is a tag."""
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
        if value is not None and key not in run.data.params
    ]
    tags = [RunTag(f"model.{key}", str(value)) for key, value in model.provider.facts.items()]
    place.client.log_batch(run.info.run_id, params=params, tags=tags)


def log_numbers(place: Place, run: Run, result: VariantResult) -> None:
    """What stands beside the means that MLflow's evaluate has logged.

    Every metric of any run becomes a column of MLflow's page of runs. So metrics are what people
    compare, and what went wrong where something did; intervals and counts are tags, which that
    page shows when asked to, and stand whole in `results.json`.

    Args:
        place: the store.
        run: the variant's; what failed in it before and doesn't now is set to 0.
        result: its numbers.
    """
    run_id = run.info.run_id
    said: dict[str, float | int | None] = {
        "rows/failed": result.rows.failed or None,
        "rows/not_run": result.rows.not_run or None,
        "cost": result.cost,
    }
    for name, metric in result.metrics.items():
        said[f"{name}/errors"] = metric.errors or None
        if name in RESERVED:
            said[f"{name}/mean"] = metric.mean
    known = {name: value for name, value in said.items() if value is not None}
    mended = {name: 0.0 for name in said if name in run.data.metrics and name not in known}
    now = int(time.time() * 1000)
    metrics = [Metric(name, float(value), now, 0) for name, value in (known | mended).items()]
    tags = [RunTag(name, interval_text(metric)) for name, metric in result.metrics.items()]
    place.client.log_batch(run_id, metrics=metrics, tags=tags)
    place.client.log_dict(run_id, variant_json(result), "results.json")


def finish(place: Place, run_id: str, tags: Mapping[str, str]) -> None:
    """Marks a run as done, now."""
    place.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    place.client.set_terminated(run_id, "FINISHED")


def _log_files(place: Place, run_id: str, plan: Plan, provenance: Provenance) -> None:
    place.client.log_dict(run_id, resolved(plan), "experiment.yaml")
    place.client.log_dict(run_id, environment(provenance), "environment.json")


def resolved(plan: Plan) -> dict[str, JSON]:
    """The experiment file, each prompt named by its content: it runs again as it was."""
    prompts = [f"{one.name}@sha:{one.digest[:16]}" for one in plan.experiment.prompts]
    return {**plan.experiment.data, "name": plan.experiment.name, "prompts": prompts}


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
