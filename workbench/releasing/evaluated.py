"""The evaluated variant that a name or a run id selects, from its run in MLflow.

    find_evaluated(store, "sentiment", "few_shot")
    EvaluatedVariant(record=VariantRecord(run_id="91ab…", name="few_shot", version="3", …), …)

A name is looked for in the newest invocation that has it, so what is selected was evaluated, also
if the template was edited since.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from workbench.comparing.history import VariantRecord
from workbench.errors import WorkbenchError, list_first, unknown_name
from workbench.experiment.load import short_name
from workbench.results.types import RecordedVariant
from workbench.tracking.mlflow_client import access_fix
from workbench.tracking.mlflow_lookup import read_variant
from workbench.tracking.record_state import ANSWERS, ROWS, plain_name
from workbench.tracking.recorded_runs import variant_record
from workbench.tracking.run_names import NAME
from workbench.tracking.runs import PLAN, VARIANT, child_runs
from workbench.tracking.tracking_store import TrackingStore, read_pages

MAX_LISTED = 12
RUN_ID_LENGTH = 32


@dataclass(frozen=True)
class EvaluatedVariant:
    """A variant and its run, whose recording is complete.

    Attributes:
        record: its run as MLflow's pages show it.
        variant: its prompt version, model and parameters.
        experiment_id: of its run.
        answers: number and digest of the scored answers that the run holds; empty: unknown.
    """

    record: VariantRecord
    variant: RecordedVariant
    experiment_id: str
    answers: str = ""

    @property
    def prompt(self) -> str:
        """The registered prompt with its version: `sentiment.few_shot/3`."""
        return f"{self.record.prompt}/{self.record.version}"


def find_evaluated(store: TrackingStore, experiment: str, selector: str) -> EvaluatedVariant:
    """The evaluated variant of an experiment that a name or a run id selects.

    Raises:
        WorkbenchError: there is none, there are several, or its recording was not completed.
    """
    try:
        is_id = len(selector) == RUN_ID_LENGTH and selector.isalnum()
        run = (_run_of_id if is_id else _run_of_name)(store, experiment, selector)
        if run.data.tags.get(ROWS, "-") == "-":
            raise WorkbenchError(
                f"the run of {_name(run)!r} ({run.info.run_id}) is unfinished: its recording was "
                "not completed",
                where=store.masked_uri,
                fix="workbench run continues it; workbench sync records what is missing",
            )
        parent = store.client.get_run(run.data.tags[MLFLOW_PARENT_RUN_ID])
        return EvaluatedVariant(
            variant_record(run, parent),
            read_variant(store, run),
            run.info.experiment_id,
            run.data.tags.get(ANSWERS, ""),
        )
    except MlflowException as error:
        fix = access_fix(error, f"the experiment {experiment!r}")
        fix = fix or "workbench run names its run in its last lines; `workbench ui` shows them all"
        message = f"{selector!r} can't be looked up: {error.message}"
        raise WorkbenchError(message, where=store.masked_uri, fix=fix) from error


def find_task(store: TrackingStore, run_id: str) -> str:
    """The task of a variant's run; empty if that can't be seen."""
    try:
        run = store.client.get_run(run_id)
        return read_variant(store, run).task
    except (MlflowException, WorkbenchError):
        return ""


def _run_of_id(store: TrackingStore, experiment: str, run_id: str) -> Run:
    run = store.client.get_run(run_id)
    tags, where = run.data.tags, store.masked_uri
    if run.info.lifecycle_stage != "active":
        fix = f"mlflow runs restore --run-id {run_id}, or name another run"
        raise WorkbenchError(f"run {run_id} is deleted", where=where, fix=fix)
    if PLAN in tags:
        children = [f"{child.info.run_id} ({_name(child)})" for child in child_runs(store, run)]
        raise WorkbenchError(
            f"run {run_id} is an invocation, of {len(children)} variants",
            where=where,
            fix=f"name the run of one of them: {list_first(children, MAX_LISTED)}",
        )
    if VARIANT not in tags:
        fix = "name the run of a variant"
        raise WorkbenchError(f"run {run_id} was not made by workbench run", where=where, fix=fix)
    name = store.client.get_experiment(run.info.experiment_id).name
    if name != experiment:
        raise WorkbenchError(
            f"run {run_id} belongs to the experiment {name!r}, not to {experiment!r}",
            where=where,
            fix="name its task or experiment file before it",
        )
    return run


def _run_of_name(store: TrackingStore, experiment: str, selector: str) -> Run:
    """The run that a name selects in the newest invocation that has it."""
    names: list[str] = []
    for runs in _invocations(store, experiment):
        selected = [run for run in runs if _name(run) == selector]
        selected = selected or [run for run in runs if selector in _names(run)]
        if len(selected) > 1:
            raise WorkbenchError(
                f"{selector!r} names {len(selected)} variants of the newest run that has it",
                where=store.masked_uri,
                fix=f"name one: {list_first([_name(run) for run in selected], MAX_LISTED)}",
            )
        if selected:
            return selected[0]
        names += map(_name, runs)
    if not names:
        message = f"no run of {experiment!r} is recorded"
        raise WorkbenchError(message, where=store.masked_uri, fix="workbench run")
    raise unknown_name("variant", selector, names, where=store.masked_uri)


def _invocations(store: TrackingStore, name: str) -> Iterator[Sequence[Run]]:
    """The runs of the variants of each invocation, newest first."""
    experiment = store.client.get_experiment_by_name(name)
    if experiment is None:
        return
    pages = read_pages(
        lambda token: store.client.search_runs(
            [experiment.experiment_id],
            f"tags.`{VARIANT}` LIKE '%'",
            max_results=1000,
            order_by=["attributes.start_time DESC"],
            page_token=token,
        )
    )
    for _, runs in groupby(pages, key=lambda run: run.data.tags.get(MLFLOW_PARENT_RUN_ID)):
        yield list(runs)


def _name(run: Run) -> str:
    """The name of a variant's run, as tables show it."""
    return run.data.tags.get(NAME) or plain_name(run)


def _names(run: Run) -> set[str]:
    """The other names by which commands know a variant: of its prompt, or of its model."""
    prompt, model = run.data.params.get("prompt", ""), run.data.params.get("model", "")
    version = run.data.params.get("prompt_version", "")
    return {
        prompt,
        f"{prompt.partition('@')[0]}@{version}",
        model,
        short_name(model.partition(":")[2]),
    }
