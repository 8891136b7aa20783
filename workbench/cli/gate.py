"""`workbench gate`: whether a change may go in, out of what is stored.

$ workbench gate sentiment
variant   metric       rule                            outcome  value                    rows
few_shot  exact_match  no worse than zero_shot by 0.02  passed  +0.220 [+0.128, +0.306]  150
gate: passed (1 passed)

--grow asks for more rows until it is decided, within --max-calls or --max-cost.
"""

import os
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from workbench.cli.compare import task_of
from workbench.cli.output import write_file
from workbench.cli.run import AsJson, Limit, MaxCalls, MaxCost, TrackingUri
from workbench.cli.setup import open_planner, open_project
from workbench.cli.signals import handle_signals, write_stderr
from workbench.errors import ExitCode, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.cli.setup import Planner
    from workbench.comparing import Check, ExperimentComparison
    from workbench.completing import Budget
    from workbench.plan import Plan
    from workbench.project import Project
    from workbench.run.grow import Grown
    from workbench.store import Store

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="The variants, prompts or models that are meant; default: all that are no baseline. "
        "Before them, where there are several, a task or an experiment file.",
        metavar="[TASK|FILE] [A]…",
    ),
]


Grow = Annotated[
    bool, typer.Option("--grow", help="Ask for more rows until it is decided, within a budget.")
]


def gate(
    names: Names = None,
    grow: Grow = False,
    max_cost: MaxCost = None,
    max_calls: MaxCalls = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML into this file.")] = None,
    allow_inconclusive: Annotated[
        bool, typer.Option("--allow-inconclusive", help="Exit with 0 instead of 8.")
    ] = False,
    limit: Limit = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Check the experiment file's `gate:` on what is stored: exit code 0, 1, or 8 (too few rows).

    Under GitHub Actions it writes annotations and a step summary, too.
    """
    from workbench.comparing import compare_stored, gate_baselines
    from workbench.completing import Budget
    from workbench.plan import Options, Scope
    from workbench.report.gate import gate_json, gate_lines, grown_json, grown_lines
    from workbench.report.gate import junit as junit_xml
    from workbench.report.safe_text import json_line

    task, meant = task_of(names or [], open_project(tracking_uri))
    _check_limits(max_cost, max_calls, grow=grow)
    asked = open_planner(
        task, Options(Scope(limit)), tracking_uri, gate_prompts=True, require_env=grow
    )
    with asked as (project, store, plan):
        budget = Budget(project.prices, max_cost=max_cost, max_calls=max_calls)
        made = plan(None)
        grown = _grown(made, plan, meant, project, store, budget) if grow else None
        made = grown.plan if grown else made
        found = compare_stored(made, store)
        checks = grown.checks if grown else _check_stored(found, meant)
        found = found.with_baselines(gate_baselines(checks, made))
        code = _exit_code(checks, allow_inconclusive)
        if as_json:
            _tell([json_line(gate_json(found, checks, int(code)) | grown_json(grown))])
        else:
            _tell([*grown_lines(grown, project.file.currency), *gate_lines(found, checks)])
        _tell_github(found, checks, project, sys.stderr if as_json else sys.stdout)
        if junit:
            write_file(junit, junit_xml(found, checks))
    return int(code)


def _check_stored(found: "ExperimentComparison", selectors: "Sequence[str]") -> "list[Check]":
    from workbench.comparing import check_gate, checked_variants, require_answers

    checks = check_gate(found.plan, found.results, found.tallies, selectors)
    pairs = checked_variants(checks, found.plan)
    require_answers(found, {number for pair in pairs for number in pair})
    return checks


def _exit_code(checks: "Sequence[Check]", allow_inconclusive: bool) -> ExitCode:
    from workbench.comparing import FAILED, INCONCLUSIVE

    outcomes = {check.outcome for check in checks}
    if FAILED in outcomes:
        return ExitCode.GATE
    undecided = INCONCLUSIVE in outcomes and not allow_inconclusive
    return ExitCode.UNDECIDED if undecided else ExitCode.DONE


def _tell(lines: "Sequence[str]") -> None:
    from workbench.report.safe_text import plain

    sys.stdout.writelines(f"{plain(line)}\n" for line in lines)


def _check_limits(max_cost: float | None, max_calls: int | None, *, grow: bool) -> None:
    limited = max_cost is not None or max_calls is not None
    if grow and not limited:
        raise WorkbenchError(
            "--grow needs to know how much it may ask for",
            fix="--max-calls 500, or --max-cost 2 where the models have prices",
        )
    if limited and not grow:
        raise WorkbenchError(
            "without --grow a gate sends nothing that could be limited",
            fix="add --grow, or leave --max-cost and --max-calls out",
        )


def _grown(
    made: "Plan",
    planning: "Planner",
    meant: "Sequence[str]",
    project: "Project",
    store: "Store",
    budget: "Budget",
) -> "Grown":
    """The gate with as many rows as it takes; what kept a model from answering is said."""
    from workbench.report.safe_text import escape_commands
    from workbench.run.grow import GrowContext, grow
    from workbench.run.invocation import check_prices

    check_prices(made, budget)
    with handle_signals(project) as stop:
        grown = grow(made, planning, meant, GrowContext(project, store, _told, budget, stop))
    for problem in grown.problems:
        write_stderr(f"error: {escape_commands(str(problem))}\n")
    return grown


def _told(text: str) -> None:
    write_stderr(f"{text}\n")


def _tell_github(
    found: "ExperimentComparison", checks: "Sequence[Check]", project: "Project", out: TextIO
) -> None:
    """Annotations and a step summary, under GitHub Actions."""
    from workbench.report.gate import annotations, summary_markdown
    from workbench.report.safe_text import plain

    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    top = os.environ.get("GITHUB_WORKSPACE") or project.root
    inside = project.root.resolve().is_relative_to(Path(top).resolve())
    below = project.root.resolve().relative_to(Path(top).resolve()) if inside else Path()
    said = annotations(found, checks, below=PurePosixPath(below))
    out.writelines(f"{plain(line)}\n" for line in said)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(plain(summary_markdown(found, checks)) + "\n")
