"""`workbench sync`: record what earlier invocations could not.

$ workbench sync
prompts/qa/experiment.yaml  recorded: 4 rows, run 7c0f…
1 recorded
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.output import REDACTOR, print_json, print_lines
from workbench.cli.run import AsJson, Target, TrackingUri
from workbench.cli.setup import (
    experiment_file,
    make_recorder,
    open_experiment,
    open_project,
    open_store,
)
from workbench.cli.signals import note_on_stderr
from workbench.errors import ExitCode, WorkbenchError, pluralize
from workbench.report.safe_text import escape_commands

if TYPE_CHECKING:
    from workbench.canonical import JSON
    from workbench.completing.context import RunContext
    from workbench.plan import Plan
    from workbench.project import Project
    from workbench.run.pending import PendingInvocation

STATES = ("recorded", "edited", "left", "forgotten")


@dataclass(frozen=True)
class _Outcome:
    """The state of a pending invocation after `sync`.

    Attributes:
        state: one of STATES.
        rows: with an output; None if not known.
    """

    pending: "PendingInvocation"
    state: str
    rows: int | None = None
    parent_run_id: str = ""
    problems: tuple[WorkbenchError, ...] = ()


def sync(
    target: Target = "",
    forget: Annotated[
        bool, typer.Option("--forget", help="Drop the notes of experiments edited since.")
    ] = False,
    tracking_uri: TrackingUri = "",
    as_json: AsJson = False,
) -> int:
    """Record the runs and ratings that MLflow lacks; send nothing."""
    from workbench.run.pending import pending_invocations
    from workbench.tracking.live_recordings import wait_for_recordings

    project = open_project(tracking_uri)
    project.require_tracking(tracking_uri, "workbench sync")
    experiment = project.display_path(experiment_file(target, project)) if target else ""
    wait_for_recordings(project, note_on_stderr)
    outcomes = [
        _sync(pending, project, tracking_uri, forget)
        for pending in pending_invocations(project)
        if pending.experiment == experiment or not target
    ]
    ratings = _sync_ratings(project, tracking_uri)
    if as_json:
        print_json(_outcomes_json(outcomes, ratings))
    else:
        _print_outcomes(outcomes, ratings)
    return int(_exit_code(outcomes, ratings))


def _sync_ratings(project: "Project", tracking_uri: str) -> int | WorkbenchError:
    """Record people's ratings; the number of changes in MLflow, or the reason of a failure."""
    if not project.store.is_dir():
        return 0
    with open_store(project) as store:
        if not store.ratings.unrecorded(project.tracking_uri(tracking_uri)):
            return 0
    from workbench.tracking.human_feedback import sync_ratings  # imports MLflow

    try:
        return sync_ratings(project, REDACTOR, tracking_uri)
    except WorkbenchError as error:
        return error


def _sync(
    pending: "PendingInvocation", project: "Project", tracking_uri: str, forget: bool
) -> _Outcome:
    """Plan the experiment again, and record it if the plan is still the same."""
    from workbench.completing.context import RunContext
    from workbench.plan import Options, Scope
    from workbench.report.progress import progress
    from workbench.run import pending as notes

    if "***" in pending.tracking_uri and not tracking_uri:
        no_password = WorkbenchError(
            f"the password of {pending.tracking_uri} is not stored",
            where=pending.experiment,
            fix="workbench sync --tracking-uri with the full address",
            exit_code=ExitCode.NOT_RECORDED,
        )
        return _Outcome(pending, "left", problems=(no_password,))
    file = project.root / pending.experiment
    try:
        if file.is_file():
            uri = tracking_uri or pending.tracking_uri
            with open_experiment(
                file, Options(Scope.from_json(pending.scope), sends=False, note=pending.note), uri
            ) as opened:
                plan, context = opened.plan(), RunContext(opened.project, opened.store, progress())
                if plan.digest == pending.plan:
                    return _record(pending, plan, context, uri)
    except WorkbenchError as error:
        return _Outcome(pending, "left", problems=(error,))
    if forget:
        notes.forget(project, pending.plan, pending.tracking_uri)
        return _Outcome(pending, "forgotten")
    changed = WorkbenchError(
        f"{'edited' if file.is_file() else 'removed'} since {pending.noted_at}, so the run of "
        "then can't be recorded",
        where=pending.experiment,
        fix="`workbench run` records the experiment as it is now, with the stored outputs; "
        "`workbench sync --forget` drops this note",
        exit_code=ExitCode.NOT_RECORDED,
    )
    return _Outcome(pending, "edited", problems=(changed,))


def _record(
    pending: "PendingInvocation", plan: "Plan", context: "RunContext", tracking_uri: str
) -> _Outcome:
    from workbench.cli.results import TerminalResults
    from workbench.run.invocation import sync as sync_plan
    from workbench.run.pending import forget

    project, recorder = context.project, make_recorder(context, tracking_uri)
    output = TerminalResults(project, quiet=True)
    invocation = sync_plan(plan, context, recorder, output)
    rows = invocation.requests.planned - invocation.requests.not_run
    if not invocation.problems:
        forget(project, pending.plan, pending.tracking_uri)
    state = "left" if invocation.problems else "recorded"
    return _Outcome(pending, state, rows, invocation.parent_run_id, invocation.problems)


def _exit_code(outcomes: list[_Outcome], ratings: int | WorkbenchError) -> ExitCode:
    left = any(outcome.state in ("left", "edited") for outcome in outcomes)
    left = left or not isinstance(ratings, int)
    return ExitCode.NOT_RECORDED if left else ExitCode.DONE


def _counts(outcomes: list[_Outcome]) -> "dict[str, JSON]":
    states = [outcome.state for outcome in outcomes]
    return {state: states.count(state) for state in STATES}


def _outcomes_json(outcomes: list[_Outcome], ratings: int | WorkbenchError) -> "dict[str, JSON]":
    return {
        **_counts(outcomes),
        "ratings": ratings if isinstance(ratings, int) else {"error": ratings.as_json()},
        "invocations": [
            {
                "experiment": outcome.pending.experiment,
                "plan_digest": outcome.pending.plan,
                "scope": dict(outcome.pending.scope),
                "noted_at": outcome.pending.noted_at,
                "state": outcome.state,
                "rows": outcome.rows,
                "parent_run_id": outcome.parent_run_id,
                "problems": [problem.as_json() for problem in outcome.problems],
            }
            for outcome in outcomes
        ],
        "exit_code": int(_exit_code(outcomes, ratings)),
    }


def _print_outcomes(outcomes: list[_Outcome], ratings: int | WorkbenchError) -> None:
    from workbench.plan.types import scope_text

    for outcome in outcomes:
        scope = scope_text(outcome.pending.scope)
        name = outcome.pending.experiment + (f" ({scope})" if scope else "")
        rows = "" if outcome.rows is None else f": {pluralize(outcome.rows, 'row')}"
        run = f", run {outcome.parent_run_id}" if outcome.parent_run_id else ""
        print_lines([f"{name}  {outcome.state}{rows}{run}"])
        for problem in outcome.problems:
            sys.stderr.write(f"error: {escape_commands(str(problem))}\n")
    counts = [f"{count:,} {state}" for state, count in _counts(outcomes).items() if count]
    if isinstance(ratings, WorkbenchError):
        sys.stderr.write(f"error: {escape_commands(str(ratings))}\n")
        counts.append("ratings left")
    elif ratings:
        counts.append(f"{pluralize(ratings, 'rating')} recorded")
    print_lines([", ".join(counts) or "nothing to record: MLflow is up to date"])
