"""`workbench run`, `plan` and `ui`."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.setup import keep_private, open_plan, open_project
from workbench.cli.signals import handle_signals, write_stderr
from workbench.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from workbench.comparing import ExperimentComparison
    from workbench.completing import Checked, Stop
    from workbench.plan import Plan
    from workbench.project import Project
    from workbench.results.metrics import VariantResult
    from workbench.run.invocation import Invocation, RunSite
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
CheckBatch = Annotated[
    bool,
    typer.Option("--check-batch", help="Ask a sample of local models' rows again, one by one."),
]
MaxCost = Annotated[
    float | None, typer.Option(min=0, help="Never spend more than this on answers, now.")
]
MaxCalls = Annotated[int | None, typer.Option(min=0, help="Never make more calls than this, now.")]
Race = Annotated[
    bool, typer.Option("--race", help="Variants that are clearly worse than another drop out.")
]
RaceOn = Annotated[
    str, typer.Option(help="--race, by this metric; default: the first.", metavar="METRIC")
]
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
    max_cost: MaxCost = None,
    max_calls: MaxCalls = None,
    race: Race = False,
    race_on: RaceOn = "",
    with_check: CheckBatch = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Run an experiment: every prompt on every model, scored, recorded in MLflow."""
    from workbench.completing import Budget
    from workbench.plan import Options, Scope
    from workbench.run.invocation import check_prices
    from workbench.run.invocation import run as carry_out

    raced = race_on if race or race_on else None
    options = Options(
        Scope(limit, only, raced), fresh=fresh, retry_failed=retry_failed, again=again
    )
    with open_plan(target, options, tracking_uri) as (project, store, made):
        budget = Budget(project.prices, max_cost=max_cost, max_calls=max_calls)
        check_prices(made, budget)
        if dry_run:
            return _show_plan(made, project, store, as_json)
        _notes(made, as_json)
        with handle_signals(project) as stop:
            shop = workshop(project, store, tracking_uri)
            scored = partial(_show_numbers, currency=project.file.currency, as_json=as_json)
            shop = replace(shop, stop=stop, budget=budget, scored=scored)
            done = carry_out(made, shop, options)
            checked = _checked(made, store, stop) if with_check else None
    _show_rest(done, project, checked, as_json)
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

    with open_plan(target, Options(Scope(limit, only)), tracking_uri) as (project, store, made):
        return _show_plan(made, project, store, as_json)


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 5000,
    tracking_uri: TrackingUri = "",
) -> None:
    """Serve MLflow's UI on 127.0.0.1 and print the addresses of the comparison pages."""
    from workbench.report.safe_text import plain
    from workbench.tracking.ui_server import serve

    project = open_project(tracking_uri)
    keep_private(project, tracking_uri)
    serve(project, tracking_uri, port, print_line=lambda line: typer.echo(plain(line)))


def _checked(made: "Plan", store: "Store", stop: "Stop") -> "list[Checked]":
    from workbench.completing import check_batch

    return check_batch(made, store.completions, ending=lambda: bool(stop.signal))


def workshop(project: "Project", store: "Store", tracking_uri: str) -> "RunSite":
    """Where an invocation is carried out, its progress shown as suits whoever watches."""
    from workbench.report.progress import progress
    from workbench.run.invocation import RunSite
    from workbench.tracking.recording_process import RecordingProcess

    recorder = RecordingProcess(project, store.redactor, tracking_uri)
    return RunSite(project, store, recorder, progress(), pages=partial(_pages, project=project))


def _pages(found: "ExperimentComparison", project: "Project") -> dict[str, str]:
    """What is kept of a comparison beside its runs."""
    from workbench.report.compare import compare_json
    from workbench.report.page import comparison_page
    from workbench.report.safe_text import json_line

    return {
        "comparison.html": comparison_page(found, currency=project.file.currency),
        "comparison.json": json_line(compare_json(found)),
    }


def _notes(made: "Plan", as_json: bool) -> None:
    from workbench.report.safe_text import plain

    for note in () if as_json else made.notes:
        sys.stderr.write(f"note: {plain(note)}\n")


def _show_plan(made: "Plan", project: "Project", store: "Store", as_json: bool) -> int:
    from rich.console import Console

    from workbench.plan.forecast import forecast
    from workbench.report.plan import plan_json, plan_lines, plan_table
    from workbench.report.safe_text import json_line

    expected = forecast(made, store, project.prices)
    currency = project.file.currency
    if as_json:
        typer.echo(json_line(plan_json(made, expected, currency)))
        return ExitCode.DONE
    _notes(made, as_json)
    console = Console()
    console.print(plan_table(made, expected, currency))
    for line in plan_lines(made, expected, currency):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return ExitCode.DONE


def _console() -> "Console":
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=160)


def _show_numbers(variants: "Sequence[VariantResult]", *, currency: str, as_json: bool) -> None:
    """The leaderboard, as soon as there is one: MLflow may still be busy."""
    from rich.console import Console

    from workbench.report.leaderboard import leaderboard, leaderboard_blocks, verdict_lines
    from workbench.report.safe_text import plain

    if as_json:
        return
    console = _console()
    table = leaderboard(variants, currency=currency)
    fits = Console(width=10_000).measure(table).maximum <= console.width
    console.print(table if fits else leaderboard_blocks(variants, currency=currency))
    for line in verdict_lines(variants):
        console.print(plain(line), highlight=False, markup=False, soft_wrap=True)
    console.print()
    sys.stdout.flush()


def _show_rest(
    done: "Invocation", project: "Project", checked: "list[Checked] | None", as_json: bool
) -> None:
    """What stands under it, once all is recorded; or everything as one object."""
    from workbench.report.run import check_lines, invocation_json, summary
    from workbench.report.safe_text import escape_commands, json_line, plain

    for line in check_lines(checked) if checked is not None else ():
        write_stderr(f"{plain(line)}\n")
    if as_json:
        more = {} if checked is None else {"check_batch": [asdict(sample) for sample in checked]}
        typer.echo(json_line(invocation_json(done, currency=project.file.currency) | more))
        return
    console = _console()
    for line in summary(done, currency=project.file.currency):
        console.print(plain(line), highlight=False, markup=False, soft_wrap=True)
    for problem in done.problems:
        sys.stderr.write(f"error: {escape_commands(str(problem))}\n")
