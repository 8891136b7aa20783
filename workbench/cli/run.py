"""`workbench run`, `plan` and `ui`."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.output import REDACTOR
from workbench.errors import ExitCode, WorkbenchError
from workbench.secrets import names_of_keys, secrets_of

if TYPE_CHECKING:
    from workbench.completing import Budget, Stop
    from workbench.experiment import Experiment
    from workbench.plan import Options, Plan
    from workbench.project import Project
    from workbench.prompt import Renderer
    from workbench.run import Invocation, Workshop
    from workbench.store import Store

AT_ONCE = 0.7  # seconds until a second signal ends what doesn't end by itself
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
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="Never spend more than this on answers, now.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option(min=0, help="Never make more calls than this, now.")
    ] = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Run an experiment: every prompt on every model, scored, recorded in MLflow."""
    from workbench.completing import Budget
    from workbench.plan import Options, Scope
    from workbench.run import check_prices
    from workbench.run import run as carry_out

    options = Options(Scope(limit, only), fresh=fresh, retry_failed=retry_failed, again=again)
    with _planned(target, options, tracking_uri) as (project, store, made):
        budget = Budget(project.prices, max_cost=max_cost, max_calls=max_calls)
        check_prices(made, budget)
        if dry_run:
            return _show_plan(made, project, store, as_json)
        _notes(made, as_json)
        with _interruptible(project) as stop:
            shop = _workshop(project, store, budget, stop, tracking_uri)
            done = carry_out(made, shop, options)
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

    with _planned(target, Options(Scope(limit, only)), tracking_uri) as (project, store, made):
        return _show_plan(made, project, store, as_json)


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 5000,
    tracking_uri: TrackingUri = "",
) -> None:
    """Serve MLflow's UI on 127.0.0.1 and print the addresses of the comparison pages."""
    from workbench.project import find_project
    from workbench.tracking.server import serve

    serve(find_project(Path.cwd()), tracking_uri, port, say=typer.echo)


@contextmanager
def _planned(
    target: str, options: "Options", tracking_uri: str
) -> Iterator[tuple["Project", "Store", "Plan"]]:
    """The project, its open store, and the plan of the experiment that `target` names."""
    from workbench.plan import plan_invocation
    from workbench.project import find_project
    from workbench.prompt import Renderer
    from workbench.store import Store

    project = find_project(Path.cwd())
    uri = project.tracking_uri(tracking_uri)
    REDACTOR.learn(secrets_of({**os.environ, "tracking_uri": uri}))  # .env is read now
    if str(project.store) in uri:  # MLflow's files, too, are their owner's
        os.umask(0o077)
    with Renderer() as renderer, Store(project.store, REDACTOR) as store:
        experiment = _experiment(target, project, renderer, tracking_uri)
        named = frozenset(names_of_keys(experiment.data))
        REDACTOR.learn(secrets_of(experiment.data) | secrets_of(os.environ, all_of=named))
        yield project, store, plan_invocation(experiment, renderer, store, options)


def _experiment(
    target: str, project: "Project", renderer: "Renderer", tracking_uri: str
) -> "Experiment":
    from workbench.doors import open_doors
    from workbench.experiment import load_experiment

    return load_experiment(
        _file(target, project), project, renderer, open_doors(project, tracking_uri)
    )


def _file(target: str, project: "Project") -> Path:
    """The experiment file that `target` names; without one, the only task's."""
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
    if (folder := Path(target)).is_dir() and folder.resolve().parent == project.prompts:
        target = folder.resolve().name  # as a shell completes it
    return project.task_folder(target) / "experiment.yaml"


def _workshop(
    project: "Project", store: "Store", budget: "Budget", stop: "Stop", tracking_uri: str
) -> "Workshop":
    from workbench.report.progress import Bar, Lines
    from workbench.run import Workshop
    from workbench.tracking import Recorder

    progress = Bar() if sys.stderr.isatty() else Lines()
    return Workshop(
        project, store, Recorder(project, store, tracking_uri), progress, stop=stop, budget=budget
    )


@contextmanager
def _interruptible(project: "Project") -> Iterator["Stop"]:
    """The first signal lets what is under way end; the second ends within a second."""
    from workbench.completing import Stop

    stop = Stop(drain_s=project.file.drain_s)

    def interrupted(number: int, _frame: object) -> None:
        stop.ask(number)
        if stop.now:
            Timer(AT_ONCE, _end_at_once).start()
        else:
            _say("\nending: what is under way is finished and kept; again: at once\n")

    asked = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it for us
        asked.append(signal.SIGHUP)
    before = {one: signal.signal(one, interrupted) for one in asked}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _end_at_once() -> None:
    """Whatever the other threads do; what is kept is kept, as after any kill."""
    _say("ended at once: what was under way counts as unknown; the same command goes on\n")
    os._exit(ExitCode.INTERRUPTED)


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # nobody may be listening any more
        sys.stderr.write(text)
        sys.stderr.flush()


def _notes(made: "Plan", as_json: bool) -> None:
    from workbench.report.text import plain

    for note in () if as_json else made.notes:
        sys.stderr.write(f"note: {plain(note)}\n")


def _show_plan(made: "Plan", project: "Project", store: "Store", as_json: bool) -> int:
    from rich.console import Console

    from workbench.forecast import forecast
    from workbench.report.planned import plan_json, plan_lines, plan_table

    expected = forecast(made, store, project.prices)
    currency = project.file.currency
    if as_json:
        typer.echo(json.dumps(plan_json(made, expected, currency), ensure_ascii=False))
        return ExitCode.DONE
    _notes(made, as_json)
    console = Console()
    console.print(plan_table(made, expected, currency))
    for line in plan_lines(made, expected, currency):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return ExitCode.DONE


def _show(done: "Invocation", project: "Project", as_json: bool) -> None:
    from rich.console import Console

    from workbench.report.as_json import invocation_json
    from workbench.report.leaderboard import blocks, leaderboard, summary

    currency = project.file.currency
    if as_json:
        typer.echo(json.dumps(invocation_json(done, currency=currency), ensure_ascii=False))
        return
    console = Console() if sys.stdout.isatty() else Console(width=160)
    table = leaderboard(done.variants, currency=currency)
    fits = Console(width=10_000).measure(table).maximum <= console.width
    console.print(table if fits else blocks(done.variants, currency=currency))
    console.print()
    for line in summary(done):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for problem in done.problems:
        sys.stderr.write(f"error: {problem}\n")
