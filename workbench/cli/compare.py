"""`workbench compare`: variants beside each other, out of what is stored.

$ workbench compare sentiment zero_shot few_shot
few_shot · m against zero_shot · m
  metric       before  after  difference               verdict  rows
  label_match  0.580   0.780  +0.200 [+0.112, +0.288]  better   150
"""

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.output import write_file
from workbench.cli.run import AsJson, Limit, TrackingUri
from workbench.cli.setup import experiment_file, open_plan, open_project
from workbench.errors import ExitCode, WorkbenchError

if TYPE_CHECKING:
    from workbench.comparing import ExperimentComparison
    from workbench.project import Project
    from workbench.results.metrics import RecordedVariant

RUN_ID = re.compile(r"[0-9a-f]{32}")
Sides = Annotated[
    list[str] | None,
    typer.Argument(
        help="Variants, prompts (few_shot, few_shot@3, few_shot@git:main), models, @alias, or ids "
        "of runs; the first is what the others are compared with. Before them, where there are "
        "several, a task or an experiment file.",
        metavar="[TASK|FILE] [A] [B]…",
    ),
]


def compare(
    sides: Sides = None,
    by: Annotated[str, typer.Option(help="A column: each of its values apart, too.")] = "",
    limit: Limit = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page into this file, rows side by side.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Compare variants on the same rows, out of what is stored; send nothing."""
    from workbench.comparing import compare_stored, require_answers, select_comparisons
    from workbench.plan import Options, Scope
    from workbench.report.compare import compare_json, compare_lines, compare_markdown
    from workbench.report.safe_text import json_line, plain

    project = open_project(tracking_uri)
    task, names = task_of(sides or [], project)
    runs = _runs(names, project, tracking_uri)
    beside = [*_references(names), *(one.prompt for run in runs.values() for one in run)]
    task = task or next((one.task for run in runs.values() for one in run), "")
    _check_task(task, runs, project)
    opened = open_plan(task, Options(Scope(limit)), tracking_uri, beside, require_env=False)
    with opened as (project, store, made):
        found = compare_stored(
            select_comparisons(names, made, runs), store, by=by, prices=project.prices
        )
        require_answers(found, found.compared_variants)
        if html:
            _write_page(html, found, project)
        if as_json:
            typer.echo(json_line(compare_json(found)))
        elif markdown:
            typer.echo(plain(compare_markdown(found)))
        else:
            for line in compare_lines(found):
                sys.stdout.write(f"{plain(line)}\n")
    return ExitCode.DONE


def _write_page(path: Path, found: "ExperimentComparison", project: "Project") -> None:
    from workbench.report.page import comparison_page

    write_file(path, comparison_page(found, currency=project.file.currency))
    sys.stderr.write(f"written: {path}\n")


def task_of(sides: list[str], project: "Project") -> tuple[str, list[str]]:
    """The first name if it is a task or a file, and the others."""
    first, *others = sides or [""]
    if first in project.tasks() or first.endswith((".yaml", ".yml")):
        return first, others
    try:
        experiment_file("", project)
    except WorkbenchError:  # one must be named, and the first name is none: what is near is said
        return ("", sides) if RUN_ID.fullmatch(first) else (first, others)
    return "", sides


def _runs(
    names: list[str], project: "Project", tracking_uri: str
) -> "dict[str, list[RecordedVariant]]":
    """Of each name that is a run's id what the run was; MLflow is asked only then."""
    ids = [name for name in names if RUN_ID.fullmatch(name)]
    if not ids:
        return {}
    from workbench.tracking.past_runs import recorded_variants

    return {one: recorded_variants(project, tracking_uri, one) for one in ids}


def _check_task(task: str, runs: "dict[str, list[RecordedVariant]]", project: "Project") -> None:
    if task.endswith((".yaml", ".yml")) or (not task and len(project.tasks()) > 1):
        return
    meant = task or "".join(project.tasks())
    for run_id, variants in runs.items():
        for one in variants:
            if one.task != meant:
                raise WorkbenchError(
                    f"run {run_id} is of the task {one.task!r}, not of {meant!r}",
                    fix="compare runs of one task",
                )


def _references(names: list[str]) -> list[str]:
    """Those of the names that may be prompts the experiment file doesn't name."""
    from workbench.prompt import parse_reference

    found = []
    for name in names:
        with suppress(WorkbenchError):
            reference = parse_reference(name if name[:1] != "@" else f"any{name}")
            found += [name] if reference.suffix else []
    return found
