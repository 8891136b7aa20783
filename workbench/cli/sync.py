"""`workbench sync`: records what earlier invocations could not.

$ workbench sync
prompts/qa/experiment.yaml  recorded: 4 rows, run 7c0f…
1 invocation recorded, 0 left
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.run import AsJson, Target, TrackingUri, make_recorder
from workbench.cli.setup import experiment_file, open_plan, open_project
from workbench.errors import ExitCode, WorkbenchError

if TYPE_CHECKING:
    from workbench.canonical import JSON
    from workbench.plan import Plan
    from workbench.project import Project
    from workbench.run.pending import PendingInvocation
    from workbench.store import Store


@dataclass(frozen=True)
class _Outcome:
    """What became of one note.

    Attributes:
        state: `recorded`, `edited`, `left` or `forgotten`.
        rows: with an answer; None where it isn't known.
    """

    of: "PendingInvocation"
    state: str
    rows: int | None = None
    parent_run_id: str = ""
    problems: tuple[WorkbenchError, ...] = ()


def sync(
    target: Target = "",
    forget: Annotated[
        bool, typer.Option("--forget", help="Drop what belongs to an experiment edited since.")
    ] = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Record in MLflow what earlier runs could not; send nothing."""
    from workbench.report.safe_text import json_line
    from workbench.run.pending import pending_invocations

    project = open_project(tracking_uri)
    project.require_tracking(tracking_uri, "workbench sync")
    wanted = project.display_path(experiment_file(target, project)) if target else ""
    notes = [one for one in pending_invocations(project) if one.experiment == wanted or not target]
    done = [_carried_out(one, project, tracking_uri, forget) for one in notes]
    if as_json:
        typer.echo(json_line(_as_json(done)))
    else:
        _tell(done)
    return int(_exit_code(done))


def _carried_out(
    one: "PendingInvocation", project: "Project", tracking_uri: str, forget: bool
) -> _Outcome:
    """Plans again, and records if it comes to the same plan."""
    from workbench.plan import Options, Scope
    from workbench.run.pending import forget as dropped

    if "***" in one.tracking_uri and not tracking_uri:
        unknown = WorkbenchError(
            f"it is for {one.tracking_uri}, whose password is not kept",
            where=one.experiment,
            fix="workbench sync --tracking-uri with the whole address",
            exit_code=ExitCode.NOT_RECORDED,
        )
        return _Outcome(one, "left", problems=(unknown,))
    there = (project.root / one.experiment).is_file()
    try:
        if there:
            scope = Scope(one.scope.get("limit"), one.scope.get("only", ""), one.scope.get("race"))
            named = tracking_uri or one.tracking_uri
            with open_plan(project.root / one.experiment, Options(scope), named) as (
                _,
                store,
                plan,
            ):
                if plan.digest == one.plan:
                    return _recorded(one, plan, project, store, tracking_uri)
    except WorkbenchError as error:
        return _Outcome(one, "left", problems=(error,))
    if forget:
        dropped(project, one.plan, one.tracking_uri)
        return _Outcome(one, "forgotten")
    what = "edited" if there else "gone"
    edited = WorkbenchError(
        f"{what} since {one.noted_at}, so what ran then can't be recorded as it was",
        where=one.experiment,
        fix="its answers are safe in the store: `workbench run` records the edited one, and "
        "`workbench sync --forget` drops this note",
        exit_code=ExitCode.NOT_RECORDED,
    )
    return _Outcome(one, "edited", problems=(edited,))


def _recorded(
    one: "PendingInvocation", plan: "Plan", project: "Project", store: "Store", tracking_uri: str
) -> _Outcome:
    from workbench.cli.results import TerminalResults
    from workbench.completing import RunContext
    from workbench.report.progress import progress
    from workbench.run.invocation import sync as sync_plan
    from workbench.run.pending import forget as dropped

    context = RunContext(project, store, progress())
    recorder = make_recorder(context, tracking_uri or one.tracking_uri)
    output = TerminalResults(project.file.currency, quiet=True)
    done = sync_plan(plan, context, recorder, output)
    rows = done.requests.planned - done.requests.not_run
    state = "left" if done.problems else "recorded"
    if state == "recorded":  # wherever it was meant to go
        dropped(project, one.plan, one.tracking_uri)
    return _Outcome(one, state, rows, done.parent_run_id, done.problems)


def _exit_code(done: list[_Outcome]) -> ExitCode:
    """6 where something is left, whatever the reason was: nothing is lost by it."""
    left = any(one.state in ("left", "edited") for one in done)
    return ExitCode.NOT_RECORDED if left else ExitCode.DONE


def _counts(done: list[_Outcome]) -> "dict[str, JSON]":
    states = [one.state for one in done]
    return {state: states.count(state) for state in ("recorded", "edited", "left", "forgotten")}


def _as_json(done: list[_Outcome]) -> "dict[str, JSON]":
    return {
        "schema_version": 1,
        **_counts(done),
        "invocations": [
            {
                "experiment": one.of.experiment,
                "plan_digest": one.of.plan,
                "scope": dict(one.of.scope),
                "noted_at": one.of.noted_at,
                "state": one.state,
                "rows": one.rows,
                "parent_run_id": one.parent_run_id,
                "problems": [
                    {"where": p.where, "message": p.message, "fix": p.fix} for p in one.problems
                ],
            }
            for one in done
        ],
        "exit_code": int(_exit_code(done)),
    }


def _tell(done: list[_Outcome]) -> None:
    from workbench.report.safe_text import plain

    for one in done:
        scope = ", ".join(f"{key} {value}" for key, value in one.of.scope.items())
        name = f"{one.of.experiment} ({scope})" if scope else one.of.experiment
        rows = "" if one.rows is None else f": {one.rows:,} rows"
        run = f", run {one.parent_run_id}" if one.parent_run_id else ""
        typer.echo(plain(f"{name}  {one.state}{rows}{run}"))
        for problem in one.problems:
            sys.stderr.write(f"error: {plain(str(problem))}\n")
    counts = [f"{count:,} {state}" for state, count in _counts(done).items() if count]
    typer.echo(", ".join(counts) if counts else "MLflow holds everything that was run here")
