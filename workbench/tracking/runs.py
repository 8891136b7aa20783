"""Runs: one for the invocation, one below it for every variant.

parent   sentiment, 8 variants      tags workbench.plan, workbench.recorded
  child  few_shot · gpt-4o-mini     tags workbench.variant, workbench.rows

workbench.traces_of names the run whose traces a run shows where its rows are the same, and
workbench.traces_shared marks that one: it is not written to any more.
workbench.attempt counts how often recording was begun, workbench.rows is the digest of the answers
that were read back; `-` while they are being written.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_TYPE

from workbench.canonical import JSON
from workbench.plan import Plan, Variant
from workbench.tracking.client_settings import asking_once
from workbench.tracking.protocol import RecordingJob
from workbench.tracking.provenance import Provenance
from workbench.tracking.tracking_store import TrackingStore

PLAN, VARIANT, ROWS = (f"workbench.{name}" for name in ("plan", "variant", "rows"))
RECORDED, DIRTY, VERSION = (f"workbench.{name}" for name in ("recorded", "git.dirty", "version"))
SERIES, ATTEMPT = (f"workbench.{name}" for name in ("series", "attempt"))
LENT, LENDER = (f"workbench.{name}" for name in ("traces_shared", "traces_of"))
RACE = "workbench.race"  # why a variant was not run to the end
TRIES = 3  # of making a run whose reply got lost and which isn't there
PARENT_TYPE = "genai_evaluate"
CHILD_TYPE = "evaluation"  # MLflow's table of artifacts opens with the children of such runs
PACKAGES = ("prompt-workbench", "mlflow", "openai", "transformers", "datasets", "jinja2", "torch")


@dataclass(frozen=True)
class Runs:
    """The runs of one invocation in one experiment, the children in the order of the variants."""

    place: TrackingStore
    experiment_id: str
    parent: Run
    children: Sequence[Run]

    @property
    def recorded(self) -> bool:
        """Whether everything was recorded and counted."""
        return bool(self.parent.data.tags.get(RECORDED) == "yes")

    def stands(self, variant: int, digest: str) -> bool:
        """Whether a variant's run was made from just these answers, and read back."""
        return bool(self.children[variant].data.tags.get(ROWS) == digest)


@dataclass(frozen=True)
class RunAttempt:
    """One recording of a run."""

    run: Run
    number: int  # 0 for the first, kept in the run's tag


def open_runs(
    place: TrackingStore,
    experiment_id: str,
    order: RecordingJob,
    provenance: Provenance,
    *,
    again: bool,
) -> Runs:
    """The parent run and a child a variant; those that are missing are made.

    Looked for, made, and looked for again: a reply that got lost or a second process may have
    made a twin. Then all take the same one, and the empty others are deleted.

    Args:
        place: the store.
        experiment_id: whose runs they are.
        order: the invocation.
        provenance: the state of the project's files.
        again: make new ones though there are some.
    """
    plan = order.plan
    tags = {
        VERSION: version("prompt-workbench"),
        **({MLFLOW_GIT_COMMIT: provenance.commit} if provenance.commit else {}),
        **({DIRTY: str(provenance.dirty).lower()} if provenance.commit else {}),
    }
    with place.alone():
        parent = _parent(place, experiment_id, plan, tags, again=again)
        children = _children(place, experiment_id, plan, tags, parent)
        if _shares(children.values()) and _may_change(order, parent):
            parent = _parent(place, experiment_id, plan, tags, again=True)
            children = _children(place, experiment_id, plan, tags, parent)
    return Runs(place, experiment_id, parent, [children[v.digest] for v in plan.variants])


def _shares(children: Iterable[Run]) -> bool:
    """Whether a run shows traces of another, or another shows its."""
    return any({LENT, LENDER} & run.data.tags.keys() for run in children)


def _may_change(order: RecordingJob, parent: Run) -> bool:
    """Whether answers that are recorded may become others: then they get runs of their own."""
    whole = parent.data.tags.get(RECORDED) == "yes"  # and something is missing in the store
    return order.refetches or (order.sends_requests and whole)


def _parent(
    place: TrackingStore, experiment_id: str, plan: Plan, tags: Mapping[str, str], *, again: bool
) -> Run:
    """The one of the newest series: `--again` begins a series, everything else goes on with one."""
    known = _find(place, experiment_id, PLAN, plan.digest)
    series = max((_series(run) for run in known), default=0) + (1 if again and known else 0)
    own = {**tags, PLAN: plan.digest, SERIES: str(series), MLFLOW_RUN_TYPE: PARENT_TYPE}
    for tries_left in reversed(range(TRIES)):
        twins = [run for run in known if _series(run) == series]
        if twins:
            return _one_of(place, experiment_id, twins)
        try:
            with asking_once():
                start = int(time.time() * 1000)
                place.client.create_run(experiment_id, start, dict(own), run_name=_name(plan))
        except MlflowException:
            if not tries_left:
                raise
        known = _find(place, experiment_id, PLAN, plan.digest)
    return _one_of(place, experiment_id, [run for run in known if _series(run) == series])


def _children(
    place: TrackingStore, experiment_id: str, plan: Plan, tags: Mapping[str, str], parent: Run
) -> dict[str, Run]:
    """By the digests of their variants."""
    failed = made = 0
    while True:
        known: dict[str, list[Run]] = {}
        for run in _find(place, experiment_id, MLFLOW_PARENT_RUN_ID, parent.info.run_id):
            known.setdefault(run.data.tags.get(VARIANT, ""), []).append(run)
        # MLflow lists the newest first: so the file's order is the page's.
        missing = [
            (parent.info.start_time - number, variant)
            for number, variant in enumerate(plan.variants, 1)
            if variant.digest not in known
        ]
        if not missing:
            return {key: _one_of(place, experiment_id, twins) for key, twins in known.items()}
        try:
            with asking_once():
                for start, variant in missing:
                    own = {**tags, **_child_tags(variant, parent)}
                    place.client.create_run(experiment_id, start, own, run_name=variant.name)
        except MlflowException:
            failed += 1
            if failed > len(plan.variants) + TRIES:
                raise
        else:
            made += 1
            if made > TRIES:
                raise MlflowException(f"{len(missing)} runs were made and are not found")


def _find(place: TrackingStore, experiment_id: str, tag: str, value: str) -> list[Run]:
    found: list[Run] = []
    token = None
    while True:
        page = place.client.search_runs(
            [experiment_id], f"tags.`{tag}` = '{value}'", max_results=1000, page_token=token
        )
        found += page
        token = page.token
        if not token:
            return found


def below(place: TrackingStore, parent: Run) -> list[Run]:
    """The runs of an invocation's variants, the first first."""
    experiment = parent.info.experiment_id
    found = _find(place, experiment, MLFLOW_PARENT_RUN_ID, parent.info.run_id)
    return sorted(found, key=lambda run: -run.info.start_time)


def _series(run: Run) -> int:
    return int(run.data.tags.get(SERIES, "0"))


def _one_of(place: TrackingStore, experiment_id: str, twins: Sequence[Run]) -> Run:
    """The one that every process takes: that which was written to, else the oldest."""

    def rank(run: Run) -> tuple[bool, int, str]:
        return not _touched(run), run.info.start_time, run.info.run_id

    first, *others = sorted(twins, key=rank)
    for run in others:
        below = _find(place, experiment_id, MLFLOW_PARENT_RUN_ID, run.info.run_id)
        if not below and not _touched(run):
            place.client.delete_run(run.info.run_id)
    return first


def _touched(run: Run) -> bool:
    return not {ATTEMPT, RECORDED, ROWS}.isdisjoint(run.data.tags)


def lender(runs: Runs, variant: Variant, own: Run) -> str:
    """The run whose traces of unchanged rows a run shows, too: the newest equal one that is whole.

    Empty where there is none. Once found it stays the run's, whatever is recorded meanwhile.
    """
    tags = own.data.tags
    if LENDER in tags or ATTEMPT in tags:
        return str(tags.get(LENDER, ""))
    for run in _find(runs.place, runs.experiment_id, VARIANT, variant.digest):
        whole = run.data.tags.get(ROWS, "-") != "-"
        if whole and run.info.run_id != own.info.run_id and LENDER not in run.data.tags:
            log_tags(runs.place, run.info.run_id, {LENT: "yes"})
            log_tags(runs.place, own.info.run_id, {LENDER: run.info.run_id})
            return str(run.info.run_id)
    return ""


def begin(
    runs: Runs, run: Run, plan: Plan, provenance: Provenance, *, rows: str = ""
) -> RunAttempt:
    """Says in the run that recording begins; the first time with the files it was made from.

    Args:
        runs: of which it is one.
        run: the parent or a child.
        plan: the invocation.
        provenance: the state of the project's files.
        rows: what stands for the digest of its answers until they are read back; empty for the
            parent.
    """
    tags = run.data.tags
    number = int(tags[ATTEMPT]) + 1 if ATTEMPT in tags else 0
    if not number:
        runs.place.client.log_dict(run.info.run_id, resolved(plan), "experiment.yaml")
        runs.place.client.log_dict(run.info.run_id, environment(provenance), "environment.json")
    said = {ATTEMPT: str(number), **({ROWS: rows} if rows else {})}
    log_tags(runs.place, run.info.run_id, said)
    return RunAttempt(run, number)


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


def log_tags(place: TrackingStore, run_id: str, tags: Mapping[str, str]) -> None:
    """All in one request."""
    place.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def finish(place: TrackingStore, run_id: str, tags: Mapping[str, str]) -> None:
    """Marks a run as done, now."""
    log_tags(place, run_id, tags)
    place.client.set_terminated(run_id, "FINISHED")


def resolved(plan: Plan) -> dict[str, JSON]:
    """The experiment file, each prompt named by its content: it runs again as it was."""
    prompts = [f"{one.name}@sha:{one.digest[:16]}" for one in plan.experiment.prompts]
    return {**plan.experiment.content, "name": plan.experiment.name, "prompts": prompts}


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
