"""From the arguments of `promote` and `rollback` to a task's model, ledger and evidence.

connect_task(project, "", "sentiment", "production").promoter.model.version_of("production")    # 3
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.cli.compare import RUN_ID, split_task
from workbench.cli.output import REDACTOR
from workbench.cli.setup import OpenExperiment, experiment_file, keep_private, open_experiment
from workbench.cli.signals import note_on_stderr
from workbench.errors import ExitCode, WorkbenchError

if TYPE_CHECKING:
    from workbench.project import Project
    from workbench.releasing.evidence import Evidence, Subject
    from workbench.releasing.promotion import Promoter
    from workbench.tracking.tracking_store import TrackingStore


@dataclass(frozen=True)
class OpenTask:
    """A task whose alias is to be moved, in an MLflow store that answers.

    Attributes:
        target: the task or the experiment file.
        person: the name of whoever moves it.
    """

    project: "Project"
    store: "TrackingStore"
    promoter: "Promoter"
    target: str
    alias: str
    person: str

    @classmethod
    def of(
        cls, project: "Project", store: "TrackingStore", target: str, alias: str = ""
    ) -> "OpenTask":
        """The model and the ledger of a task, or of that of an experiment file."""
        from workbench.releasing.ledger import Ledger
        from workbench.releasing.promotion import Promoter
        from workbench.releasing.registered_models import ReleaseNames
        from workbench.releasing.task_model import TaskModel
        from workbench.tracking.provenance import user_name

        names = ReleaseNames.of_task(project, task_name(target, project))
        ledger = Ledger(store, names, project.store)
        person = REDACTOR.redact(user_name(project.root))
        return cls(project, store, Promoter(TaskModel(store, names), ledger), target, alias, person)

    def hand_moved(self) -> list[str]:
        """A note if someone moved the alias in MLflow; empty: nobody did, as far as is known."""
        from workbench.releasing.ledger import CLAIMED, DONE
        from workbench.report.promotions import hand_moved_text

        moves = self.promoter.ledger.moves(self.alias, (CLAIMED, DONE))
        now = self.promoter.model.version_of(self.alias)
        last = next((move.after for move in moves[::-1] if move.state == DONE), "")
        if last == now or any(move.state == CLAIMED for move in moves):
            return []
        return [hand_moved_text(self.alias, last, now)]

    def gather(self, opened: OpenExperiment, subject: "Subject") -> "Evidence":
        """The evidence, with a note if someone moved the alias by hand."""
        from workbench.releasing.evidence import gather

        evidence = gather(opened.plan(), opened.store, subject, self.person)
        return replace(evidence, notes=[*self.hand_moved(), *evidence.notes])


def connect_task(
    project: "Project", tracking_uri: str, target: str, alias: str, selector: str = ""
) -> OpenTask:
    """The task's model and ledger, to be written; nothing has been done, so errors are exit 2."""
    from workbench.releasing.evaluated import find_task
    from workbench.releasing.registered_models import check_alias
    from workbench.tracking.live_recordings import wait_for_recordings
    from workbench.tracking.tracking_store import connect

    check_alias(alias)
    keep_private(project, tracking_uri)
    wait_for_recordings(project, note_on_stderr)
    try:
        store = connect(project, tracking_uri, redactor=REDACTOR)
    except WorkbenchError as error:
        error.exit_code = ExitCode.USER
        raise
    if not target and RUN_ID.fullmatch(selector) and len(project.tasks()) > 1:
        target = find_task(store, selector)
    return OpenTask.of(project, store, target, alias)


def task_name(target: str, project: "Project") -> str:
    """The task that `target` names, or whose experiment file it is."""
    return experiment_file(target, project).resolve().parent.name


def split_selector(names: list[str], project: "Project") -> tuple[str, str]:
    """The task or file, empty if none is named, and the variant or run."""
    target, selectors = split_task(names, project)
    selectors = [selector for selector in selectors if selector]
    if len(selectors) != 1:
        listed = " and ".join(map(repr, selectors))
        raise WorkbenchError(
            f"promote takes one variant, not {listed}" if selectors else "which variant?",
            fix=f"workbench promote {target or 'TASK'} VARIANT --to production; workbench history "
            "and workbench decide name variants",
        )
    return target, selectors[0]


@contextmanager
def open_subject(
    moving: OpenTask, selector: str, tracking_uri: str
) -> "Iterator[tuple[OpenExperiment, Subject]]":
    """The experiment with the evaluated variant and the one in production among its prompts."""
    from workbench.experiment.load import read_experiment_name
    from workbench.plan import Options, Scope
    from workbench.releasing.evaluated import find_evaluated
    from workbench.releasing.evidence import Subject
    from workbench.releasing.gaps import recorded_variant

    project, model = moving.project, moving.promoter.model
    name = read_experiment_name(experiment_file(moving.target, project), project)
    evaluated = find_evaluated(moving.store, name, selector)
    replaced = model.in_place(moving.alias)
    prompts = [evaluated.variant.prompt]
    before = recorded_variant(replaced) if replaced else None
    if replaced and before and model.has_prompt(replaced.prompt):
        prompts.append(before.prompt)
    options = Options(Scope(), sends=False, looks_up=False)
    with open_experiment(
        moving.target,
        options,
        tracking_uri,
        prompts,
        gate_prompts=True,
        unnamed_alias="" if replaced else moving.alias,
        require_env=False,
    ) as opened:
        yield opened, Subject(evaluated, replaced, moving.alias)
