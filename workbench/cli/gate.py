"""`workbench gate`: whether a change may go in, out of what is stored.

$ workbench gate sentiment
variant   metric       rule                            outcome  value                    rows
few_shot  exact_match  no worse than zero_shot by 0.02  passed  +0.220 [+0.128, +0.306]  150
gate: passed (1 passed)
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.compare import task_of
from workbench.cli.output import write_file
from workbench.cli.planning import open_project, planned
from workbench.cli.run import AsJson, Limit, TrackingUri
from workbench.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workbench.comparing import Check, Compared

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="The variants, prompts or models that are meant; default: all that are no baseline. "
        "Before them, where there are several, a task or an experiment file.",
        metavar="[TASK|FILE] [A]…",
    ),
]


def gate(
    names: Names = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML into this file.")] = None,
    allow_thin: Annotated[
        bool, typer.Option("--allow-thin", help="Too little evidence is exit code 0.")
    ] = False,
    limit: Limit = None,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Check the experiment file's `gate:` on what is stored: exit code 0, 1, or 8 (too few rows).

    Under GitHub Actions it writes annotations and a step summary, too.
    """
    from workbench.comparing import check_answered, check_gate, compare
    from workbench.plan import Options, Scope
    from workbench.report.gated import junit as junit_xml

    task, meant = task_of(names or [], open_project(tracking_uri))
    options = Options(Scope(limit))
    with planned(task, options, tracking_uri, gated=True) as (_, store, made):
        found = compare(made, store)
        checks = check_gate(made, found.results, found.tallies, meant)
        check_answered(found, {check.variant for check in checks})
        code = _exit_code(checks, allow_thin)
        _tell(found, checks, code, as_json)
        if junit:
            write_file(junit, junit_xml(found, checks))
    return int(code)


def _exit_code(checks: "Sequence[Check]", allow_thin: bool) -> ExitCode:
    from workbench.comparing import FAILED, THIN

    outcomes = {check.outcome for check in checks}
    if FAILED in outcomes:
        return ExitCode.GATE
    return ExitCode.UNDECIDED if THIN in outcomes and not allow_thin else ExitCode.DONE


def _tell(found: "Compared", checks: "Sequence[Check]", code: ExitCode, as_json: bool) -> None:
    from workbench.report.gated import annotations, gate_json, gate_lines, summary_markdown
    from workbench.report.text import json_line, plain

    if as_json:
        typer.echo(json_line(gate_json(found, checks, int(code))))
    else:
        for line in gate_lines(found, checks):
            sys.stdout.write(f"{plain(line)}\n")
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    for line in annotations(found, checks):
        (sys.stderr if as_json else sys.stdout).write(f"{plain(line)}\n")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(plain(summary_markdown(found, checks)) + "\n")
