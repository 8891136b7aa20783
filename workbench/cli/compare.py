"""`workbench compare`: variants on the same rows, from stored outputs.

$ workbench compare sentiment zero_shot few_shot
few_shot · m against zero_shot · m
  metric       before  after  difference               verdict  rows
  label_match  0.580   0.780  +0.200 [+0.112, +0.288]  better   150
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.completion import complete_column, complete_names
from workbench.cli.output import print_result
from workbench.cli.output_file import PAGE, Force, OutputFile
from workbench.cli.run import AsJson, Limit, Sample, TrackingUri
from workbench.cli.setup import OpenExperiment, experiment_file, open_experiment, open_project
from workbench.cli.signals import note_on_stderr
from workbench.errors import ExitCode, WorkbenchError, list_first

if TYPE_CHECKING:
    from workbench.plan import Plan, Scope
    from workbench.project import Project
    from workbench.results.types import RecordedVariant
    from workbench.store import Store

    RecordedRuns = dict[str, list[RecordedVariant]]

MAX_NAMES = 5  # in a note
RUN_ID = re.compile(r"[0-9a-f]{32}")
Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="A task or an experiment file (if there are several), then variants, prompts "
        "(few_shot, few_shot@3, few_shot@git:main), models, @alias, or run ids. The first is the "
        "baseline of the others.",
        metavar="TASK|FILE|VARIANT",
        autocompletion=complete_names,
    ),
]
By = Annotated[
    str,
    typer.Option(
        help="Compare within each value of this column too; or one variant's values.",
        autocompletion=complete_column,
    ),
]
Html = Annotated[
    Path | None, typer.Option(help="Write a page with the rows side by side to this file.")
]
Anytime = Annotated[
    bool, typer.Option("--anytime", help="Show verdicts that hold at every look at the rows.")
]
Factors = Annotated[
    bool,
    typer.Option(
        "--factors",
        help="Show the effects of prompt, model and parameters, and whether they depend on each "
        "other, instead of pairs.",
    ),
]


def compare(
    names: Names = None,
    by: By = "",
    limit: Limit = None,
    sample: Sample = None,
    html: Html = None,
    force: Force = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    anytime: Anytime = False,
    factors: Factors = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Compare variants on the same rows, from stored outputs."""
    from workbench.comparing.comparison import compare_stored, require_answers
    from workbench.page.page_document import comparison_page
    from workbench.plan import Scope
    from workbench.report.compare import compare_json, compare_lines, compare_markdown
    from workbench.report.tables import without_last_blank
    from workbench.tracking.trace_index import TraceIndex

    _check_options(by, anytime=anytime, factors=factors)
    project = open_project(tracking_uri)
    page = OutputFile(html, project, PAGE, force=force) if html else None
    scope = Scope(limit, sample=sample)
    with open_comparison(names or [], project, tracking_uri, scope, by_slice=bool(by)) as opened:
        selectors, plan, store = opened.selectors, opened.plan(), opened.store
        plan = plan if factors else with_answers(plan, store)
        columns, prices = [by] if by else (), opened.opened.project.prices
        compared = compare_stored(plan, store, by=columns, prices=prices, anytime=anytime)
        every = factors and not selectors
        variants = range(len(plan.variants)) if every else compared.compared_variants
        require_answers(compared, variants)
        compared = compared.with_factors(variants) if factors else compared
        if page:
            compared = replace(compared, traces=TraceIndex(project, tracking_uri))
            page.write(comparison_page(compared, currency=project.file.currency).html)
            sys.stderr.write(f"written: {html}\n")
        lines = [compare_markdown(compared)] if markdown else compare_lines(compared)
        print_result(compare_json(compared) if as_json else without_last_blank(lines))
    return ExitCode.DONE


@dataclass(frozen=True)
class OpenComparison:
    """A selection by a command's names from an experiment whose store is open.

    Attributes:
        runs: the variants of each selector that is a run id.
        by_slice: variants without any baseline are left, if there is no other.
    """

    selectors: list[str]
    runs: "RecordedRuns"
    opened: OpenExperiment
    by_slice: bool

    @property
    def store(self) -> "Store":
        """The project's store."""
        return self.opened.store

    def plan(self) -> "Plan":
        """The plan that is compared."""
        return self._select(self.opened.plan())

    def outline(self) -> "Plan":
        """The plan without its cells: no template is rendered."""
        return self._select(self.opened.outline())

    def _select(self, plan: "Plan") -> "Plan":
        from workbench.comparing.selectors import select_comparisons

        return select_comparisons(self.selectors, plan, self.runs, by_slice=self.by_slice)


@contextmanager
def open_comparison(
    names: list[str], project: "Project", tracking_uri: str, scope: "Scope", *, by_slice: bool
) -> Iterator[OpenComparison]:
    """The experiment and the selectors among a command's names."""
    from workbench.plan import Options

    task, selectors = split_task(names, project)
    runs = _recorded_runs(selectors, project, tracking_uri)
    recorded = [variant for variants in runs.values() for variant in variants]
    extra_prompts = [*prompt_references(selectors), *(variant.prompt for variant in recorded)]
    task = task or next((variant.task for variant in recorded), "")
    _check_task(task, runs, project)
    options = Options(scope, sends=False, looks_up=False)
    with open_experiment(task, options, tracking_uri, extra_prompts, require_env=False) as opened:
        yield OpenComparison(selectors, runs, opened, by_slice)


def with_answers(plan: "Plan", store: "Store") -> "Plan":
    """The plan with the comparisons whose variants have answers; a note names the others."""
    from workbench.comparing.comparison import leave_out_unanswered

    plan, names = leave_out_unanswered(plan, store)
    if names:
        shown = list_first(names, MAX_NAMES)
        note_on_stderr(f"left out, without any output: {shown}; workbench run creates them")
    return plan


def _check_options(by: str, *, anytime: bool, factors: bool) -> None:
    if anytime and by:
        raise WorkbenchError("--by has no verdicts that hold at every look", fix="leave one out")
    if factors and (anytime or by):
        other = "--anytime" if anytime else "--by"
        raise WorkbenchError(f"--factors and {other} can't be combined", fix="leave one out")


def split_task(names: list[str], project: "Project") -> tuple[str, list[str]]:
    """The task or file, empty if none is named, and the other names."""
    first, *others = names or [""]
    if first in project.tasks() or first.endswith((".yaml", ".yml")):
        return first, others
    try:
        experiment_file("", project)
    except WorkbenchError:  # a task is required: the error about `first` lists the nearest
        return ("", names) if RUN_ID.fullmatch(first) else (first, others)
    return "", names


def _recorded_runs(selectors: list[str], project: "Project", tracking_uri: str) -> "RecordedRuns":
    """The variants of each selector that is a run id; MLflow is read only if there is one."""
    run_ids = [name for name in selectors if RUN_ID.fullmatch(name)]
    if not run_ids:
        return {}
    project.require_tracking(tracking_uri, "comparing runs")
    from workbench.tracking.live_recordings import wait_for_recordings
    from workbench.tracking.mlflow_lookup import recorded_variants

    wait_for_recordings(project, note_on_stderr)
    return {run_id: recorded_variants(project, tracking_uri, run_id) for run_id in run_ids}


def _check_task(task: str, runs: "RecordedRuns", project: "Project") -> None:
    if task.endswith((".yaml", ".yml")) or (not task and len(project.tasks()) > 1):
        return
    task = task or "".join(project.tasks())
    for run_id, variants in runs.items():
        for variant in variants:
            if variant.task != task:
                raise WorkbenchError(
                    f"run {run_id} belongs to the task {variant.task!r}, not to {task!r}",
                    fix="compare runs of one task",
                )


def prompt_references(selectors: list[str]) -> list[str]:
    """The selectors that may be prompts outside the experiment file."""
    from workbench.prompt import parse_reference

    references = []
    for name in selectors:
        with suppress(WorkbenchError):
            reference = parse_reference(name if name[:1] != "@" else f"any{name}")
            references += [name] if reference.suffix else []
    return references
