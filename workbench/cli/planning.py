"""From the words of a command to a plan: the project, its open store, the experiment."""

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli.output import REDACTOR
from workbench.errors import WorkbenchError
from workbench.secrets import names_of_keys, secrets_of

if TYPE_CHECKING:
    from workbench.plan import Options, Plan
    from workbench.project import Project
    from workbench.store import Store


@contextmanager
def planned(
    target: str | Path,
    options: "Options",
    tracking_uri: str,
    beside: Sequence[str] = (),
    *,
    gated: bool = False,
) -> Iterator[tuple["Project", "Store", "Plan"]]:
    """The project, its open store, and the plan of the experiment that `target` names.

    Args:
        target: a task, an experiment file, or empty: the only task's.
        options: what concerns this invocation only.
        tracking_uri: as the command line names it.
        beside: references of prompts that are planned beside the file's own.
        gated: those that its gate names, too.
    """
    from workbench.doors import open_doors
    from workbench.experiment import find_prompt, load_experiment, with_prompts
    from workbench.plan import plan_invocation, price_notes
    from workbench.prompt import Renderer

    project = open_project(tracking_uri)
    keep_private(project, tracking_uri)
    with Renderer() as renderer, open_store(project) as store:
        path = target if isinstance(target, Path) else experiment_file(target, project)
        doors = open_doors(project, tracking_uri)
        limit = options.scope.limit
        with _only_kept_things():
            experiment = load_experiment(path, project, renderer, doors, limit)
            find = partial(
                find_prompt,
                experiment.task,
                project=project,
                renderer=renderer,
                registry=doors.registry,
            )
            rules = experiment.gate.values() if gated else ()
            gates = [rule.no_worse_than for rule in rules if "@" in rule.no_worse_than]
            experiment = with_prompts(experiment, [*beside, *gates], find)
            named = frozenset(names_of_keys(experiment.data))
            REDACTOR.learn(secrets_of(experiment.data) | secrets_of(os.environ, all_of=named))
            made = plan_invocation(experiment, renderer, store, options)
        notes = price_notes(project.prices, [v.model.model.ref for v in made.variants])
        yield project, store, replace(made, notes=(*made.notes, *notes))


@contextmanager
def _only_kept_things() -> Iterator[None]:
    """What is made within stays to the end: no garbage is looked for in it, now or later."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def open_project(tracking_uri: str = "") -> "Project":
    """The project around the current folder; its secrets are known from here on."""
    from workbench.project import find_project

    project = find_project(Path.cwd())
    uri = project.tracking_uri(tracking_uri)
    REDACTOR.learn(secrets_of({**os.environ, "tracking_uri": uri}))  # .env is read now
    return project


def keep_private(project: "Project", tracking_uri: str) -> None:
    """From here on files are their owner's only, MLflow's too where they lie in the project."""
    if str(project.store) in project.tracking_uri(tracking_uri):
        os.umask(0o077)


def open_store(project: "Project") -> "Store":
    """The project's store, which keeps no secret."""
    from workbench.store import Store

    return Store(project.store, REDACTOR)


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
            raise WorkbenchError(
                "which task?" if tasks else "there is no task yet",
                fix=f"workbench run {tasks[0]}; there are: {', '.join(tasks)}"
                if tasks
                else "mkdir prompts/my_task and put a template and an experiment.yaml into it",
            )
        target = (inside or tasks)[0]
    if is_folder(folder := Path(target)) and folder.resolve().parent == project.prompts:
        target = folder.resolve().name  # as a shell completes it
    return project.task_folder(target) / "experiment.yaml"
