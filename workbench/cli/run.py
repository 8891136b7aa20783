"""`workbench run`, `plan` and `ui`.

$ workbench run sentiment --limit 2
variant  exact_match  rows  …
4 requests, 4 sent
recorded in sqlite:///…/mlflow.db, run 7c0f…
"""

import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.box.permission import unsafe_execution
from workbench.cli.completion import complete_metric, complete_only, complete_task
from workbench.cli.output import print_json, print_lines
from workbench.cli.output_file import Force
from workbench.cli.print_plan import print_notes, print_plan, print_power
from workbench.cli.run_rows import Output, RunRows, Show
from workbench.cli.running_plan import RunningPlan
from workbench.cli.setup import (
    keep_private,
    open_experiment,
    open_project,
)
from workbench.cli.signals import note_on_stderr, write_stderr
from workbench.errors import WorkbenchError
from workbench.report.safe_text import escape_commands, plain

if TYPE_CHECKING:
    from workbench.cli.setup import OpenExperiment
    from workbench.completing.check_batch import BatchCheck
    from workbench.project import Project
    from workbench.run.invocation import CostLimits
    from workbench.run.summary import Invocation

Target = Annotated[
    str,
    typer.Argument(
        help="A task (a folder of prompts/) or an experiment file.",
        metavar="TASK|FILE",
        autocompletion=complete_task,
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N rows of the dataset.")]
Sample = Annotated[
    int | None,
    typer.Option(min=1, help="Only N rows, drawn by the dataset's `seed:`; in place of `sample:`."),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        help="Only variants whose name matches, as in 'few_shot*'; given again, it adds others.",
        metavar="GLOB",
        autocompletion=complete_only,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Again = Annotated[bool, typer.Option("--again", help="Record new runs, even if recorded before.")]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Retry requests whose stored output is useless.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan; send nothing.")]
CheckBatch = Annotated[
    bool,
    typer.Option("--check-batch", help="Repeat a sample of local models' rows at batch size 1."),
]
MaxCost = Annotated[float | None, typer.Option(min=0, help="Stop before spending more than this.")]
MaxCalls = Annotated[int | None, typer.Option(min=0, help="Stop before making more calls.")]
MaxJudgeCost = Annotated[
    float | None, typer.Option(min=0, help="Stop judging before spending more than this on it.")
]
Race = Annotated[
    bool, typer.Option("--race", help="Drop variants as soon as they are clearly worse.")
]
RaceOn = Annotated[
    str,
    typer.Option(
        help="Race by this metric; default: the first.",
        metavar="METRIC",
        autocompletion=complete_metric,
    ),
]
Wait = Annotated[
    bool | None,
    typer.Option(
        "--wait/--no-wait",
        help="Wait for MLflow's part, too; default: on a terminal it goes on in the background.",
        show_default=False,
    ),
]
Note = Annotated[
    str, typer.Option(help="Why you run it: on the run in MLflow and in history.", metavar="TEXT")
]
UnsafeExec = Annotated[
    bool,
    typer.Option("--unsafe-exec", help="Run generated code even where no box can be made for it."),
]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Run again after each save, with the difference from before."),
]
TrackingUri = Annotated[
    str, typer.Option("--tracking-uri", help="An MLflow server or store; default: the project's.")
]


def run(
    target: Target = "",
    limit: Limit = None,
    sample: Sample = None,
    only: Only = None,
    dry_run: DryRun = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ignore stored completions.")] = False,
    retry_failed: RetryFailed = False,
    again: Again = False,
    max_cost: MaxCost = None,
    max_calls: MaxCalls = None,
    max_judge_cost: MaxJudgeCost = None,
    race: Race = False,
    race_on: RaceOn = "",
    with_check: CheckBatch = False,
    wait: Wait = None,
    note: Note = "",
    tracking_uri: TrackingUri = "",
    unsafe_exec: UnsafeExec = False,
    show: Show = "",
    output: Output = None,
    force: Force = False,
    watch: Watch = False,
    as_json: AsJson = False,
) -> int:
    """Run every prompt on every model, score and record the outputs."""
    from workbench.plan import Options, Scope
    from workbench.run.invocation import CostLimits

    if show and as_json:
        raise WorkbenchError("--json lists no rows", fix="-o rows.json writes them")
    scope = Scope(limit, only or (), race_on if race or race_on else None, sample)
    options = Options(scope, fresh, retry_failed, again, _waits(wait, as_json), note=note)
    limits = CostLimits(max_cost, max_calls, max_judge_cost)
    with unsafe_execution(unsafe_exec):
        if watch:
            from workbench.cli.watch import WatchCall, watch_task

            single = (race or race_on, with_check, dry_run, fresh, retry_failed, again)
            call = WatchCall(target, options, limits, tracking_uri)
            return watch_task(call, (*single, show, output is not None, as_json))
        with open_experiment(target, options, tracking_uri) as opened:
            rows = RunRows(show, bool(only), output, opened.project, force)
            return _run_opened(opened, limits, tracking_uri, rows, dry_run, with_check, as_json)


def _run_opened(
    opened: "OpenExperiment",
    limits: "CostLimits",
    tracking_uri: str,
    rows: RunRows,
    dry_run: bool,
    with_check: bool,
    as_json: bool,
) -> int:
    """Run an open experiment once and print its results; return the exit code."""
    from workbench.report.listed_rows import check_kind
    from workbench.run.invocation import make_budget

    plan = opened.plan()
    check_kind(rows.kind, plan)
    budget = make_budget(plan, opened.project.prices, limits)
    if dry_run:
        return print_plan(plan, opened, as_json)
    print_notes(plan, as_json)
    running = RunningPlan(opened, plan, budget, tracking_uri, quiet=as_json)
    invocation, samples = running.run(rows.receive, with_check=with_check)
    code = _print_invocation(invocation, opened.project, samples, as_json)
    return rows.error.exit_code if rows.error else code


def plan(
    target: Target = "",
    limit: Limit = None,
    sample: Sample = None,
    only: Only = None,
    power: Annotated[
        float | None,
        typer.Option(help="Also show the rows and repeats that find this difference."),
    ] = None,
    metric: Annotated[
        str,
        typer.Option(
            help="The metric of --power; default: the first.", autocompletion=complete_metric
        ),
    ] = "",
    sd: Annotated[
        float | None,
        typer.Option(min=0, help="For --power: guess of the sd of a row's difference."),
    ] = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Show what `run` would send, and what is already stored."""
    from workbench.plan import Options, Scope

    if power is None and (metric or sd is not None):
        raise WorkbenchError("--metric and --sd belong to --power", fix="add --power 0.05")
    if power is not None and power <= 0:
        raise WorkbenchError(f"--power {power:g}: no number of rows shows it", fix="--power 0.05")
    options = Options(Scope(limit, only or (), sample=sample))
    with open_experiment(target, options, tracking_uri) as opened:
        planned = opened.plan()
        if not power:
            return print_plan(planned, opened, as_json)
        return print_power(planned, opened, (metric, power, sd), as_json)


def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 5000,
    tracking_uri: TrackingUri = "",
) -> None:
    """Serve MLflow's UI on 127.0.0.1.

    It prints the addresses of the comparison pages.
    """
    from workbench.tracking.live_recordings import wait_for_recordings
    from workbench.tracking.ui_server import serve

    project = open_project(tracking_uri)
    project.require_tracking(tracking_uri, "workbench ui")
    keep_private(project, tracking_uri)
    wait_for_recordings(project, note_on_stderr)
    serve(project, tracking_uri, port, print_line=lambda line: typer.echo(plain(line)))


def _waits(wait: bool | None, as_json: bool) -> bool:
    """True if the command waits for MLflow's part; by default where nobody waits for the shell.

    The first process of a container takes all others with it, so it waits, too.
    """
    return (as_json or not sys.stdout.isatty() or os.getpid() == 1) if wait is None else wait


def _print_invocation(
    invocation: "Invocation", project: "Project", samples: "list[BatchCheck] | None", as_json: bool
) -> int:
    """Print the summary, or everything as one object; return the exit code."""
    from workbench.report.run import check_lines, invocation_json, summary

    for line in check_lines(samples) if samples is not None else ():
        write_stderr(f"{plain(line)}\n")
    if as_json:
        document = invocation_json(invocation, currency=project.file.currency)
        if samples is not None:
            document["check_batch"] = [asdict(sample) for sample in samples]
        print_json(document)
        return invocation.exit_code
    print_lines(summary(invocation, currency=project.file.currency))
    for problem in invocation.problems:
        sys.stderr.write(f"error: {escape_commands(str(problem))}\n")
    return invocation.exit_code
