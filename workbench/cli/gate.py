"""`workbench gate`: pass or fail a change by the experiment file's `gate:`, from stored outputs.

$ workbench gate sentiment
variant   metric       rule                            outcome  value                    rows
few_shot  exact_match  no worse than zero_shot by 0.02  passed  +0.220 [+0.128, +0.306]  150
gate: passed (1 passed)

--grow sends more rows until the gate is decided, within --max-calls or --max-cost.
"""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.compare import split_task
from workbench.cli.completion import complete_names
from workbench.cli.output import REDACTOR, print_commands, print_result
from workbench.cli.output_file import JUNIT, Force, OutputFile
from workbench.cli.run import AsJson, Limit, MaxCalls, MaxCost, Sample, TrackingUri
from workbench.cli.setup import OpenExperiment, open_experiment, open_project
from workbench.cli.signals import handle_signals, write_stderr
from workbench.errors import ExitCode, WorkbenchError
from workbench.report.safe_text import escape_commands, plain

if TYPE_CHECKING:
    from workbench.comparing.checks import Check
    from workbench.comparing.comparison import ExperimentComparison
    from workbench.completing.budget import Budget
    from workbench.plan import Plan
    from workbench.project import Project
    from workbench.run.grow import Grown

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="A task or an experiment file (if there are several), then the variants, prompts or "
        "models to check; default: all except baselines.",
        metavar="TASK|FILE|VARIANT",
        autocompletion=complete_names,
    ),
]
Grow = Annotated[
    bool, typer.Option("--grow", help="Send more rows until it is decided, within a budget.")
]

AllowInconclusive = Annotated[
    bool, typer.Option("--allow-inconclusive", help="Exit with 0 instead of 8.")
]


def gate(
    names: Names = None,
    grow: Grow = False,
    max_cost: MaxCost = None,
    max_calls: MaxCalls = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    force: Force = False,
    allow_inconclusive: AllowInconclusive = False,
    limit: Limit = None,
    sample: Sample = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Check the experiment file's `gate:` on stored outputs.

    Exit code 0: passed, 1: failed, 8: not enough evidence. Under GitHub Actions
    it also writes annotations and a step summary.
    """
    from workbench.comparing.comparison import compare_stored
    from workbench.comparing.gate import gate_baselines
    from workbench.plan import Options, Scope
    from workbench.report.gate import gate_json, gate_lines, grown_json, grown_lines, junit_xml
    from workbench.run.invocation import CostLimits, make_budget

    project = open_project(tracking_uri)
    report_file = OutputFile(junit, project, JUNIT, force=force) if junit else None
    task, selectors = split_task(names or [], project)
    _check_limits(max_cost, max_calls, grow=grow)
    options = Options(Scope(limit, sample=sample), sends=grow, looks_up=grow)
    experiment = open_experiment(task, options, tracking_uri, gate_prompts=True, require_env=grow)
    with experiment as opened:
        project, plan = opened.project, opened.plan()
        budget = make_budget(plan, project.prices, CostLimits(max_cost, max_calls))
        grown = _grow(opened, plan, selectors, budget) if grow else None
        compared = compare_stored(grown.plan if grown else plan, opened.store)
        checks = grown.gate.checks if grown else _check_stored(compared, selectors)
        compared = compared.with_baselines(gate_baselines(checks, compared.plan))
        code = _exit_code(checks, allow_inconclusive)
        lines = [*grown_lines(grown, project.file.currency), *gate_lines(compared, checks)]
        document = gate_json(compared, checks, int(code)) | grown_json(grown)
        print_result(document if as_json else lines)
        _write_github(compared, checks, project, on_stderr=as_json)
        if report_file:
            report_file.write(junit_xml(compared, checks))
    return int(code)


def _check_stored(compared: "ExperimentComparison", selectors: Sequence[str]) -> "list[Check]":
    from workbench.comparing.comparison import require_answers
    from workbench.comparing.gate import check_gate

    checks = check_gate(compared.plan, compared.tallies, selectors)
    require_answers(compared, {number for check in checks for number in check.variants})
    return checks


def _exit_code(checks: "Sequence[Check]", allow_inconclusive: bool) -> ExitCode:
    from workbench.comparing.checks import FAILED
    from workbench.stats.verdicts import INCONCLUSIVE

    outcomes = {check.outcome for check in checks}
    if FAILED in outcomes:
        return ExitCode.GATE
    undecided = INCONCLUSIVE in outcomes and not allow_inconclusive
    return ExitCode.UNDECIDED if undecided else ExitCode.DONE


def _check_limits(max_cost: float | None, max_calls: int | None, *, grow: bool) -> None:
    limited = max_cost is not None or max_calls is not None
    if grow and not limited:
        raise WorkbenchError(
            "--grow needs a budget",
            fix="--max-calls 500, or --max-cost 2 if the models have prices",
        )
    if limited and not grow:
        raise WorkbenchError(
            "a gate without --grow sends nothing, so it has no budget",
            fix="add --grow, or leave --max-cost and --max-calls out",
        )


def _grow(
    opened: OpenExperiment, plan: "Plan", selectors: Sequence[str], budget: "Budget"
) -> "Grown":
    """The gate on as many rows as it needs; the failures of models go to stderr."""
    from workbench.completing.context import RunContext
    from workbench.report.progress import Notes
    from workbench.run.grow import grow

    with handle_signals(opened.project) as stop:
        context = RunContext(
            opened.project, opened.store, Notes(), stop, budget, renderer=opened.renderer
        )
        grown = grow(plan, opened.plan, selectors, context)
    for problem in grown.outcome.model_errors:
        write_stderr(f"error: {escape_commands(str(problem))}\n")
    return grown


def _write_github(
    compared: "ExperimentComparison",
    checks: "Sequence[Check]",
    project: "Project",
    *,
    on_stderr: bool,
) -> None:
    """Write annotations and a step summary, under GitHub Actions."""
    from workbench.report.gate import annotations, summary_markdown

    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    root, top = project.root.resolve(), Path(os.environ.get("GITHUB_WORKSPACE") or project.root)
    top = top.resolve()
    folder = root.relative_to(top) if root.is_relative_to(top) else Path()
    lines = annotations(compared, checks, folder=PurePosixPath(folder))
    print_commands(lines, on_stderr=on_stderr)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        text = REDACTOR.redact(plain(summary_markdown(compared, checks))) + "\n"
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(text)
        except (OSError, ValueError) as error:
            write_stderr(f"note: GITHUB_STEP_SUMMARY can't be written: {plain(str(error))}\n")
