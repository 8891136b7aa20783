"""`workbench run`, `plan` and `ui`."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.errors import ExitCode, WorkbenchError

if TYPE_CHECKING:
    from workbench.completing import Stop
    from workbench.experiment import Experiment
    from workbench.plan import Options, Plan
    from workbench.project import Project
    from workbench.prompt import Renderer
    from workbench.run import Invocation
    from workbench.store import Store

Target = Annotated[
    str,
    typer.Argument(
        help="A task (a folder of prompts/) or an experiment file.", metavar="[TASK|FILE]"
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N rows of the dataset.")]
Only = Annotated[str, typer.Option(help="Only variants whose name matches, as 'few_shot*'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
TrackingUri = Annotated[
    str, typer.Option("--tracking-uri", help="An MLflow server or store; default: the project's.")
]


def run(
    target: Target = "",
    limit: Limit = None,
    only: Only = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan only; send nothing.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Send what is stored, too.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Send again what got a useless answer.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Record new runs of an invocation recorded before.")
    ] = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Run an experiment: every prompt on every model, scored, recorded in MLflow."""
    from workbench.plan import Options, Scope

    options = Options(Scope(limit, only), fresh=fresh, retry_failed=retry_failed, again=again)
    with _planned(target, options, tracking_uri) as (project, store, made):
        if dry_run:
            return _show_plan(made, as_json)
        _notes(made, as_json)
        done = _carry_out(made, project, store, options, tracking_uri)
    _show(done, project, as_json)
    return int(done.exit_code)


def plan(
    target: Target = "",
    limit: Limit = None,
    only: Only = "",
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Show what `run` would send and what is stored already; send nothing."""
    from workbench.plan import Options, Scope

    with _planned(target, Options(Scope(limit, only)), tracking_uri) as (_, _, made):
        return _show_plan(made, as_json)


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 5000,
    tracking_uri: TrackingUri = "",
) -> None:
    """Serve MLflow's UI on 127.0.0.1 and print the addresses of the comparison pages."""
    from workbench.project import find_project
    from workbench.report.text import plain
    from workbench.tracking.server import serve

    project = find_project(Path.cwd())
    serve(project, tracking_uri, port, say=lambda line: typer.echo(plain(line)))


@contextmanager
def _planned(
    target: str, options: "Options", tracking_uri: str
) -> Iterator[tuple["Project", "Store", "Plan"]]:
    """The project, its open store, and the plan of the experiment that `target` names."""
    from workbench.plan import plan_invocation, price_notes
    from workbench.project import find_project
    from workbench.prompt import Renderer
    from workbench.store import Store

    project = find_project(Path.cwd())
    project.tracking_uri(tracking_uri)  # a wrong address is said before anything is sent
    with Renderer() as renderer, Store(project.store) as store:
        experiment = _experiment(target, project, renderer, tracking_uri, options.scope.limit)
        made = plan_invocation(experiment, renderer, store, options)
        notes = price_notes(project.prices, [v.model.model.ref for v in made.variants])
        yield project, store, replace(made, notes=(*made.notes, *notes))


def _experiment(
    target: str,
    project: "Project",
    renderer: "Renderer",
    tracking_uri: str,
    limit: int | None,
) -> "Experiment":
    from workbench.doors import open_doors
    from workbench.experiment import load_experiment

    doors = open_doors(project, tracking_uri)
    return load_experiment(_file(target, project), project, renderer, doors, limit)


def _file(target: str, project: "Project") -> Path:
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


def _carry_out(
    made: "Plan", project: "Project", store: "Store", options: "Options", tracking_uri: str
) -> "Invocation":
    from workbench.completing import Stop
    from workbench.report.progress import Bar, Lines
    from workbench.run import Workshop
    from workbench.run import run as carry_out
    from workbench.tracking import Recorder

    stop = Stop()
    progress = Bar() if sys.stderr.isatty() else Lines()
    recorder = Recorder(project, store, tracking_uri)
    with _interruptible(stop):
        return carry_out(made, Workshop(project, store, recorder, progress, stop), options)


@contextmanager
def _interruptible(stop: "Stop") -> Iterator[None]:
    """The first Ctrl-C lets what is under way end; the second ends at once."""

    def interrupted(number: int, _frame: object) -> None:
        if stop.signal:
            raise KeyboardInterrupt
        stop.signal, stop.wanted = number, True
        sys.stderr.write("\nending: what is under way is finished and kept; again: at once\n")

    before = {one: signal.signal(one, interrupted) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _notes(made: "Plan", as_json: bool) -> None:
    from workbench.report.text import plain

    for note in () if as_json else made.notes:
        sys.stderr.write(f"note: {plain(note)}\n")


def _show_plan(made: "Plan", as_json: bool) -> int:
    from rich.console import Console

    from workbench.report.planned import plan_json, plan_table
    from workbench.report.text import json_line

    if as_json:
        typer.echo(json_line(plan_json(made)))
        return ExitCode.DONE
    _notes(made, as_json)
    console = Console()
    console.print(plan_table(made))
    console.print(
        f"{made.planned:,} rows: {made.stored:,} stored, {made.shared:,} shared, "
        f"{made.to_send:,} requests to send",
        highlight=False,
    )
    return ExitCode.DONE


def _show(done: "Invocation", project: "Project", as_json: bool) -> None:
    from rich.console import Console

    from workbench.report.as_json import invocation_json
    from workbench.report.leaderboard import blocks, leaderboard, summary
    from workbench.report.text import json_line, plain

    currency = project.file.currency
    if as_json:
        typer.echo(json_line(invocation_json(done, currency=currency)))
        return
    console = Console() if sys.stdout.isatty() else Console(width=160)
    table = leaderboard(done.variants, currency=currency)
    fits = Console(width=10_000).measure(table).maximum <= console.width
    console.print(table if fits else blocks(done.variants, currency=currency))
    console.print()
    for line in summary(done):
        console.print(plain(line), highlight=False, markup=False, soft_wrap=True)
    for problem in done.problems:
        sys.stderr.write(f"error: {plain(str(problem))}\n")
