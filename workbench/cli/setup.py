"""From the words of a command to a plan: the project, its open store, the experiment."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli.output import REDACTOR
from workbench.errors import WorkbenchError
from workbench.secrets import find_secrets, key_variables

if TYPE_CHECKING:
    from workbench.experiment import Experiment
    from workbench.plan import Options, Plan
    from workbench.project import Project
    from workbench.prompt import Renderer
    from workbench.store import Store

    Planning = Callable[[int | None], Plan]  # with so many repeats; None: the file's


@contextmanager
def open_plan(
    target: str | Path,
    options: "Options",
    tracking_uri: str,
    beside: Sequence[str] = (),
    *,
    require_env: bool = True,
) -> Iterator[tuple["Project", "Store", "Plan"]]:
    """The project, its open store, and the plan of the experiment that `target` names.

    Args:
        target: a task, an experiment file, or empty: the only task's.
        options: what concerns this invocation only.
        tracking_uri: as the command line names it.
        beside: references of prompts that are planned beside the file's own.
        require_env: refuse if a variable in an evaluator's `env` is not set.
    """
    with open_planner(target, options, tracking_uri, beside, require_env=require_env) as (
        project,
        store,
        plan,
    ):
        yield project, store, plan(None)


@contextmanager
def open_planner(
    target: str | Path,
    options: "Options",
    tracking_uri: str,
    beside: Sequence[str] = (),
    *,
    gated: bool = False,
    require_env: bool = True,
) -> Iterator[tuple["Project", "Store", "Planning"]]:
    """As `planned`, for whoever may need the plan with another number of repeats, too.

    Args:
        target: a task, an experiment file, or empty: the only task's.
        options: what concerns this invocation only.
        tracking_uri: as the command line names it.
        beside: references of prompts that are planned beside the file's own.
        gated: those that its gate names, too.
        require_env: see `planned`.
    """
    from workbench.experiment import add_prompts, find_prompt, load_experiment
    from workbench.prompt import Renderer
    from workbench.resolvers import project_resolvers

    project = open_project(tracking_uri)
    keep_private(project, tracking_uri)
    with Renderer() as renderer, open_store(project) as store:
        path = target if isinstance(target, Path) else experiment_file(target, project)
        with _only_kept_things():
            resolvers = project_resolvers(project, tracking_uri, require_env=require_env)
            experiment = load_experiment(path, project, renderer, resolvers, options.scope.limit)
            find = partial(
                find_prompt,
                experiment.task,
                project=project,
                renderer=renderer,
                registry=resolvers.registry,
            )
            named = [*beside, *_of_gate(experiment)] if gated else beside
            experiment = add_prompts(experiment, named, find)
            keys = frozenset(key_variables(experiment.content))
            REDACTOR.add(
                find_secrets(experiment.content) | find_secrets(os.environ, secret_names=keys)
            )

        yield project, store, partial(_plan, experiment, renderer, store, options, project)


def _plan(
    experiment: "Experiment",
    renderer: "Renderer",
    store: "Store",
    options: "Options",
    project: "Project",
    repeats: int | None,
) -> "Plan":
    from workbench.plan import plan_invocation, price_notes

    own = experiment if repeats is None else replace(experiment, repeats=repeats)
    with _only_kept_things():
        made = plan_invocation(own, renderer, store, options)
    notes = price_notes(project.prices, [v.model.model.ref for v in made.variants])
    return replace(made, notes=(*made.notes, *notes))


def _of_gate(experiment: "Experiment") -> list[str]:
    """The references of prompts that its gate names and that its file may not."""
    bases = [rule.no_worse_than for rule in experiment.gate.values()]
    return [base for base in bases if "@" in base]


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
    REDACTOR.add(find_secrets({**os.environ, "tracking_uri": uri}))  # .env is read now
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
