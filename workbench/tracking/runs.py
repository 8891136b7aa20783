"""MLflow runs: a parent for the invocation, a child for each variant.

    parent   3 prompts · 2 models · 0.93    tags workbench.plan, workbench.recorded
      child  luna · few_shot                tags workbench.variant, workbench.rows

workbench.attempt counts the earlier recordings of a run. workbench.rows is the digest of its
completions and scores, set once they have been read back; `-` until then. workbench.traces_of names
the run whose traces a run shows for rows that are equal. `record_state` has the other tags.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_TYPE

from workbench.canonical import JSON
from workbench.plan import Plan, Variant
from workbench.tracking.protocol import RecordingJob
from workbench.tracking.record_state import KILLED, ROWS, end_run, scored_count
from workbench.tracking.registry import linked_prompts
from workbench.tracking.run_data import EVALUATORS, evaluators_tag, pinned_experiment
from workbench.tracking.run_names import NAME, invocation_name, variant_names
from workbench.tracking.tracking_store import TrackingStore, create_and_find, read_pages

PLAN, VARIANT = "workbench.plan", "workbench.variant"
RECORDED, DIRTY, VERSION = (f"workbench.{name}" for name in ("recorded", "git.dirty", "version"))
SERIES, ATTEMPT = (f"workbench.{name}" for name in ("series", "attempt"))
SHARED_FROM = "workbench.traces_of"
BEST, BASELINE = "workbench.best", "workbench.baseline"  # run ids of the variants to compare
COMPARISON_FILE = "workbench.comparison"  # artifact that compares all variants; `none` without one
NUMBER = "workbench.number"  # of a variant in its plan, from 1
RACE = "workbench.race"  # why a variant dropped out of a race
TRACED = "workbench.traces"  # how many rows have a trace, if not all of them have
PARENT_TYPE = "genai_evaluate"
CHILD_TYPE = "evaluation"  # MLflow's table of artifacts selects the children of such runs


@dataclass(frozen=True)
class Runs:
    """The runs of one invocation in one experiment, the children in the order of the variants.

    Attributes:
        environment: logged in each run; see `provenance`.
    """

    store: TrackingStore
    experiment_id: str
    job: RecordingJob
    environment: Mapping[str, JSON]
    parent: Run
    children: Sequence[Run]


def open_runs(
    store: TrackingStore, experiment_id: str, job: RecordingJob, environment: Mapping[str, JSON]
) -> Runs:
    """The parent run and a child per variant; missing ones are created.

    Runs are searched, created and searched again, because a lost reply or another process may have
    created a duplicate. Then every process takes the same run, and deletes the empty duplicates.
    """
    plan = job.plan
    tags = {VERSION: version("prompt-workbench")}
    if environment["git_commit"]:
        tags[MLFLOW_GIT_COMMIT] = str(environment["git_commit"])
        tags[DIRTY] = str(environment["git_dirty"]).lower()
    with store.exclusive():
        parent = _parent_run(store, experiment_id, plan, tags, again=job.again)
        children = _child_runs(store, experiment_id, plan, tags, parent)
        if _loses_answers(job, children):
            parent = _parent_run(store, experiment_id, plan, tags, again=True)
            children = _child_runs(store, experiment_id, plan, tags, parent)
    in_order = [children[variant.digest] for variant in plan.variants]
    return Runs(store, experiment_id, job, environment, parent, in_order)


def end_abandoned(runs: Runs, is_abandoned: Callable[[str], bool]) -> None:
    """End the experiment's runs that a killed process left at RUNNING; `runs` are being recorded.

    `is_abandoned` is True for the digest of a plan that no process runs or records.
    """
    parents: dict[str, Run] = {}
    for run in _select(runs.store, runs.experiment_id, "attributes.status = 'RUNNING'"):
        parent_id = run.data.tags.get(MLFLOW_PARENT_RUN_ID, run.info.run_id)
        if parent_id == runs.parent.info.run_id:
            continue
        with suppress(MlflowException):  # its parent is deleted, or it is another user's
            if parent_id not in parents:
                parents[parent_id] = runs.store.client.get_run(parent_id)
            plan = parents[parent_id].data.tags.get(PLAN, "")
            if plan == runs.job.plan.digest or is_abandoned(plan):
                end_run(runs.store, run, KILLED)


def _loses_answers(job: RecordingJob, children: Mapping[str, Run]) -> bool:
    """True if scored answers that a run shows are to be replaced, or are no longer stored."""
    runs = [children[variant.digest] for variant in job.plan.variants]
    return job.reused is not None and any(
        # Of a recording that was interrupted only the links to another run's traces are known.
        max(scored_count(run), SHARED_FROM in run.data.tags) > reused
        for run, reused in zip(runs, job.reused, strict=True)
    )


def _parent_run(
    store: TrackingStore, experiment_id: str, plan: Plan, tags: Mapping[str, str], *, again: bool
) -> Run:
    """The parent of the newest series of runs; `again` starts a new series."""
    runs = _search(store, experiment_id, PLAN, plan.digest)
    series = max(map(_series, runs), default=0) + (1 if again and runs else 0)
    tags = {**tags, PLAN: plan.digest, SERIES: str(series), MLFLOW_RUN_TYPE: PARENT_TYPE}
    tags[EVALUATORS], name = evaluators_tag(plan), invocation_name(plan)

    def create() -> None:
        start = int(time.time() * 1000)
        store.client.create_run(experiment_id, start, dict(tags), run_name=name)

    def find() -> list[Run]:
        runs = _search(store, experiment_id, PLAN, plan.digest)
        return [run for run in runs if _series(run) == series]

    copies = [run for run in runs if _series(run) == series] or create_and_find(create, find)
    return _keep_first(store, experiment_id, copies)


def _child_runs(
    store: TrackingStore, experiment_id: str, plan: Plan, tags: Mapping[str, str], parent: Run
) -> dict[str, Run]:
    """The runs of the variants, by the variants' digests."""
    runs: defaultdict[str, list[Run]] = defaultdict(list)

    def find() -> bool:
        runs.clear()
        for run in _search(store, experiment_id, MLFLOW_PARENT_RUN_ID, parent.info.run_id):
            runs[run.data.tags.get(VARIANT, "")].append(run)
        return all(variant.digest in runs for variant in plan.variants)

    def create() -> None:
        # MLflow lists the newest run first, so the first variant gets the latest start.
        names = variant_names(plan.variants)
        for number, (variant, name) in enumerate(zip(plan.variants, names, strict=True), 1):
            if variant.digest not in runs:
                all_tags = {**tags, **_child_tags(variant, parent), NUMBER: str(number)}
                start = parent.info.start_time - number
                store.client.create_run(experiment_id, start, all_tags, run_name=name)

    if not find():  # each attempt may create only one of them
        create_and_find(create, find, attempts=3 + len(plan.variants))
    return {digest: _keep_first(store, experiment_id, copies) for digest, copies in runs.items()}


def _search(store: TrackingStore, experiment_id: str, tag: str, value: str) -> list[Run]:
    return _select(store, experiment_id, f"tags.`{tag}` = '{value}'")


def _select(store: TrackingStore, experiment_id: str, condition: str) -> list[Run]:
    """The runs of an experiment for which a condition of MLflow's search language is true."""
    pages = read_pages(
        lambda token: store.client.search_runs(
            [experiment_id], condition, max_results=1000, page_token=token
        )
    )
    return list(pages)


def child_runs(store: TrackingStore, parent: Run) -> list[Run]:
    """The runs of an invocation's variants, in the order of the variants."""
    runs = _search(store, parent.info.experiment_id, MLFLOW_PARENT_RUN_ID, parent.info.run_id)
    return sorted(runs, key=variant_order)


def was_compared(parent: Run) -> bool:
    """True if the comparison of all variants is an artifact; an older version doesn't say so."""
    return bool(parent.data.tags.get(COMPARISON_FILE) != "none")


def variant_order(run: Run) -> tuple[int, int]:
    """Sorts the runs of an invocation's variants: by number, those of older versions by start."""
    return int(run.data.tags.get(NUMBER, "0")), -run.info.start_time


def _series(run: Run) -> int:
    return int(run.data.tags.get(SERIES, "0"))


def _keep_first(store: TrackingStore, experiment_id: str, duplicates: Sequence[Run]) -> Run:
    """The duplicate that every process takes: a recorded one, else the oldest; delete the rest."""

    def rank(run: Run) -> tuple[bool, int, str]:
        return not _was_recorded(run), run.info.start_time, run.info.run_id

    first, *others = sorted(duplicates, key=rank)
    for run in others:
        children = _search(store, experiment_id, MLFLOW_PARENT_RUN_ID, run.info.run_id)
        if not children and not _was_recorded(run):
            store.client.delete_run(run.info.run_id)
    return first


def _was_recorded(run: Run) -> bool:
    return not {ATTEMPT, RECORDED, ROWS}.isdisjoint(run.data.tags)


def share_traces(runs: Runs, variant: Variant, run: Run) -> str:
    """The id of the run whose traces this run may show: the newest complete one of the variant.

    Empty if there is none. The choice is made once per run, and later recordings keep it.
    """
    tags = run.data.tags
    if SHARED_FROM in tags or ATTEMPT in tags:
        return str(tags.get(SHARED_FROM, ""))
    for other in _search(runs.store, runs.experiment_id, VARIANT, variant.digest):
        complete = other.data.tags.get(ROWS, "-") != "-"
        other_id = str(other.info.run_id)
        if complete and other_id != run.info.run_id and SHARED_FROM not in other.data.tags:
            log_tags(runs.store, run.info.run_id, {SHARED_FROM: other_id})
            return other_id
    return ""


def sharing_runs(runs: Runs, run: Run) -> list[str]:
    """The ids of the runs that may show traces of this run."""
    others = _search(runs.store, runs.experiment_id, SHARED_FROM, run.info.run_id)
    return [str(other.info.run_id) for other in others]


def begin_recording(runs: Runs, run: Run, *, rows: str = "") -> int:
    """Mark a run as being recorded, and return the number of earlier recordings.

    Each recording logs the experiment file, and those until the first complete one the environment.
    `rows` stands for the digest of a child's rows until they are read back.
    """
    run_id, tags = run.info.run_id, run.data.tags
    number = int(tags[ATTEMPT]) + 1 if ATTEMPT in tags else 0
    runs.store.client.log_dict(run_id, pinned_experiment(runs.job.plan), "experiment.yaml")
    if digests := runs.job.plan.images.digests:
        runs.store.client.log_dict(run_id, digests, "images.json")
    if not number or (tags.get(ROWS, "-") == "-" and tags.get(RECORDED) != "yes"):
        runs.store.client.log_dict(run_id, dict(runs.environment), "environment.json")
    log_tags(runs.store, run_id, {ATTEMPT: str(number), **({ROWS: rows} if rows else {})})
    return number


def _child_tags(variant: Variant, parent: Run) -> dict[str, str]:
    return {
        VARIANT: variant.digest,
        NAME: variant.name,
        MLFLOW_PARENT_RUN_ID: parent.info.run_id,
        MLFLOW_RUN_TYPE: CHILD_TYPE,
        **linked_prompts(variant.prompt),
    }


def log_tags(store: TrackingStore, run_id: str, tags: Mapping[str, str]) -> None:
    """Set several tags of a run in one request."""
    store.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
