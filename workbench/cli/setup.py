"""From a command's arguments to a plan: the project, its open store, the experiment.

with open_experiment("sentiment", Options(), "") as opened:
    opened.plan().to_send      # 300 requests
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli.output import REDACTOR
from workbench.cli.project_secrets import experiment_secrets, project_secrets
from workbench.errors import WorkbenchError
from workbench.secrets import find_secrets

if TYPE_CHECKING:
    from workbench.completing.context import RunContext
    from workbench.document import Document
    from workbench.experiment import Experiment
    from workbench.experiment.types import Registry, Resolvers
    from workbench.plan import Options, Plan
    from workbench.project import Project
    from workbench.prompt import Renderer
    from workbench.store import Store
    from workbench.tracking.protocol import Recorder


class UnnamedTaskError(WorkbenchError):
    """The error for a command without a task where there are several."""

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__("which task?", fix=f"{tasks[0]}; there are: {', '.join(tasks)}")


@dataclass(frozen=True)
class OpenExperiment:
    """An experiment whose project, store, renderer and evaluators are open.

    Attributes:
        registry: finds registered versions of its prompts.
    """

    project: "Project"
    store: "Store"
    renderer: "Renderer"
    experiment: "Experiment"
    options: "Options"
    registry: "Registry"

    def plan(self, repeats: int | None = None) -> "Plan":
        """The plan by what is stored now; `repeats`: None: the file's."""
        from workbench.plan import plan_invocation
        from workbench.plan.forecast import price_notes
        from workbench.workers.garbage import paused_gc

        experiment = self.experiment
        if repeats is not None:
            experiment = replace(experiment, repeats=repeats)
        with paused_gc():
            plan = plan_invocation(experiment, self.renderer, self.store, self.options)
        models = [variant.model.model.ref for variant in plan.variants]
        notes = (*experiment.listed_prices.notes, *price_notes(self.project.prices, models))
        return replace(plan, notes=(*plan.notes, *notes))

    def outline(self) -> "Plan":
        """The plan without its cells: no template is rendered."""
        from workbench.plan import outline_plan, redact_rows

        experiment = redact_rows(self.experiment, self.store.redactor)
        return outline_plan(experiment, self.options.scope)


@contextmanager
def open_experiment(
    target: str | Path,
    options: "Options",
    tracking_uri: str,
    extra_prompts: Sequence[str] = (),
    *,
    gate_prompts: bool = False,
    unnamed_alias: str = "",
    require_env: bool = True,
    edit: "Callable[[Document], Document] | None" = None,
) -> Iterator[OpenExperiment]:
    """Load an experiment and open all that its plan needs.

    Args:
        target: a task, an experiment file, or empty: the only task's.
        options: what concerns this invocation only.
        tracking_uri: as the command line names it.
        extra_prompts: references of prompts to plan in addition to the file's.
        gate_prompts: also plan the prompts that the experiment's gate names.
        unnamed_alias: an alias that names nothing yet, although the gate may name it.
        require_env: as in `Resolvers`.
        edit: a change of the file's content, for this invocation only.
    """
    from workbench.experiment import PromptFinder, add_prompts
    from workbench.prompt import Renderer
    from workbench.resolvers import project_resolvers
    from workbench.scoring.pool import shared_pool

    project = open_project(tracking_uri)
    keep_private(project, tracking_uri)
    with shared_pool(), Renderer() as renderer, open_store(project) as store:
        path = target if isinstance(target, Path) else experiment_file(target, project)
        resolvers = project_resolvers(project, tracking_uri, require_env=require_env)
        opened = load_opened(path, project, store, renderer, resolvers, options, edit)
        experiment = opened.experiment
        finder = PromptFinder(
            experiment.task, project.prompts_beside(path.parent), renderer, resolvers.registry
        )
        if gate_prompts:
            extra_prompts = [*extra_prompts, *_gate_prompts(experiment, unnamed_alias)]
        yield replace(opened, experiment=add_prompts(experiment, extra_prompts, finder.find))


def load_opened(
    path: Path,
    project: "Project",
    store: "Store",
    renderer: "Renderer",
    resolvers: "Resolvers",
    options: "Options",
    edit: "Callable[[Document], Document] | None" = None,
) -> OpenExperiment:
    """Load the experiment file at `path`, as `edit` changes it, with what is open already."""
    from workbench.document import read_document
    from workbench.experiment import build_experiment
    from workbench.workers.garbage import paused_gc

    # before an error quotes the file
    REDACTOR.add(experiment_secrets(path, project.display_path(path)))
    with paused_gc():
        document = read_document(path, display_name=project.display_path(path))
        document, rows = edit(document) if edit else document, options.scope.rows
        experiment = build_experiment(document, project, renderer, resolvers, rows)
    priced = experiment.priced(project)
    return OpenExperiment(priced, store, renderer, experiment, options, resolvers.registry)


def _gate_prompts(experiment: "Experiment", unnamed_alias: str) -> list[str]:
    """The versions that the gate compares with."""
    bases = [rule.no_worse_than for rule in experiment.gate.values()]
    return [base for base in bases if "@" in base and base != f"@{unnamed_alias}"]


def open_project(tracking_uri: str = "") -> "Project":
    """The project around the current folder; its secrets are redacted from here on."""
    from workbench.project import find_root

    try:
        root = find_root(Path.cwd())
    except FileNotFoundError as error:
        fix = "cd to the project's folder"
        raise WorkbenchError("the current folder no longer exists", fix=fix) from error
    return open_root(root, tracking_uri)


def open_root(root: Path, tracking_uri: str = "") -> "Project":
    """The project in the folder `root`; its secrets are redacted from here on."""
    from workbench.project import read_project

    try:
        project = read_project(root)
    except WorkbenchError:  # an error about workbench.yaml may quote anything
        REDACTOR.add(project_secrets(root))
        raise
    REDACTOR.add(project_secrets(root, root / ".env"))
    REDACTOR.add(find_secrets({"tracking_uri": project.tracking_uri(tracking_uri)}))
    return project


def keep_private(project: "Project", tracking_uri: str) -> None:
    """Create files for their owner only from here on, if MLflow's are in the project."""
    if str(project.store) in project.tracking_uri(tracking_uri):
        os.umask(0o077)


def open_store(project: "Project") -> "Store":
    """The project's store, in which secrets are redacted."""
    from workbench.store import Store

    return Store(project.store, REDACTOR)


def make_recorder(context: "RunContext", tracking_uri: str) -> "Recorder":
    """Return the recording process, or a recorder that drops everything if tracking is off."""
    if not context.project.tracks(tracking_uri):
        from workbench.tracking.protocol import Recorder

        return Recorder()
    from workbench.tracking.recording_process import RecordingProcess

    return RecordingProcess(context.project, context.store.redactor, tracking_uri)


def experiment_file(target: str, project: "Project") -> Path:
    """The experiment file that `target` names; without one, the only task's."""
    from workbench.document import is_folder

    if target.endswith((".yaml", ".yml")):
        return Path(target)
    tasks = project.tasks()
    if not target:
        here = Path.cwd().resolve()
        inside = [task for task in tasks if here.is_relative_to(project.prompts / task)]
        if len(inside or tasks) != 1:
            if tasks:
                raise UnnamedTaskError(tasks)
            fix = "mkdir prompts/my_task and put a template and an experiment.yaml into it"
            raise WorkbenchError("there is no task yet", fix=fix)
        target = (inside or tasks)[0]
    if is_folder(folder := Path(target)) and folder.resolve().parent == project.prompts:
        target = folder.resolve().name  # as a shell completes it
    return project.task_folder(target) / "experiment.yaml"
