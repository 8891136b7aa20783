"""One invocation: complete the plan's requests, score the answers, record the results.

Experiment ─▶ Plan ─▶ Completions ─▶ Scores ─▶ MLflow ─▶ Invocation

Rows are scored and recorded while others are still being answered.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import NamedTuple

from workbench.comparing.race import Race
from workbench.completing.budget import Budget
from workbench.completing.complete import complete
from workbench.completing.context import RunContext
from workbench.completing.plan_lock import plan_lock
from workbench.errors import ExitCode, Stopped, WorkbenchError
from workbench.plan import Options, Plan
from workbench.project import Price
from workbench.run.pipeline import ScoringPipeline
from workbench.run.stored_results import ResultCallbacks
from workbench.run.summary import (
    Invocation,
    interrupt_code,
    interrupted_error,
    summarize,
    summarize_race,
    unknown_calls_text,
)
from workbench.scoring.judged_stream import with_follow_ups
from workbench.tracking.live_recordings import POLL_S, is_recording, wait_for_recordings
from workbench.tracking.protocol import Recorder


class CostLimits(NamedTuple):
    """CostLimits on the calls and costs of an invocation; None: none."""

    max_cost: float | None = None
    max_calls: int | None = None
    max_judge_cost: float | None = None


def make_budget(plan: Plan, prices: Mapping[str, Price], limits: CostLimits) -> Budget:
    """Return the budget of an invocation.

    Raises:
        WorkbenchError: a billed model has no price, so that a limit on costs can't be enforced.
    """
    budget, max_cost = Budget(prices, *limits), limits.max_cost
    pairs = zip(plan.variants, plan.requests, strict=True)
    models = [] if max_cost is None else [v.model for v, requests in pairs if requests]
    if budget.max_judge_cost is not None or max_cost is not None:
        models += [model for each in plan.experiment.scorers.values() for model in each.models]
    flag = "--max-judge-cost" if max_cost is None else "--max-cost"
    for model in models:
        ref = model.model.ref
        if model.provider.billed and ref not in prices:
            raise WorkbenchError(
                f"{flag} can't be enforced: {ref} has no price",
                where="workbench.yaml",
                fix=f'prices: {{"{ref}": {{input: 0.15, output: 0.60}}}}, per million tokens '
                f"(0 and 0 for a server of your own), or leave {flag} out",
            )
    return budget


def continue_budget(
    before: Budget | None, plan: Plan, prices: Mapping[str, Price], limits: CostLimits
) -> Budget:
    """Return the budget of several plans of one command: what the plans before have left.

    Raises:
        WorkbenchError: as of `make_budget`.
    """
    budget = make_budget(plan, prices, limits)
    if before is None:
        return budget
    before.prices, before.refused = budget.prices, False
    return before


def run(
    plan: Plan,
    context: RunContext,
    recorder: Recorder,
    options: Options,
    callbacks: ResultCallbacks,
) -> Invocation:
    """Run a plan: its answers and scores go into the store, its results into MLflow.

    Raises:
        WorkbenchError: nothing could be sent, the store can't be written, the same plan is
            running already, or the run was interrupted (answers that arrived are kept).
    """
    context, progress = with_follow_ups(context, plan), context.progress
    with (
        _lock_plan(plan, context) as lock,
        context.store.leases.session(plan.digest) as unknown_calls,
        ScoringPipeline(plan, context, recorder, again=options.again) as pipeline,
    ):
        if unknown_calls:
            progress.note(unknown_calls_text(unknown_calls, context.project.file.currency))
        race = Race(plan, pipeline.tallies, progress.spare) if plan.race else None
        outcome = complete(
            plan,
            context,
            receive=pipeline.receive,
            begin=pipeline.begin,
            rounds=race.batches if race else None,
        )
        try:
            if context.interrupted():
                raise Stopped
            callbacks.show(pipeline.finish_scoring(race))
            lock.close()  # the next run of the plan waits for the recording, and isn't refused
            waits = options.wait or pipeline.must_wait()
            if waits and pipeline.recording and context.project.tracks(recorder.tracking_uri):
                progress.note("recording in MLflow")
            recorded = pipeline.finish_recording(callbacks, wait=waits)
            for line in recorded.notes:
                progress.note(line)
        except Stopped:
            spared = race.spared if race else 0
            raise interrupted_error(plan, context, outcome, options, spared) from None
        done = summarize(plan, context, outcome, pipeline, recorded)
        return replace(done, race=summarize_race(race, done.variants)) if race else done


@contextmanager
def _lock_plan(plan: Plan, context: RunContext) -> Iterator[ExitStack]:
    """Hold the plan's lock when no process records the plan any more; closing frees it early.

    Of several commands that wait for a recording one runs next, and the others wait for that, too.
    """
    waited = False
    while True:
        with ExitStack() as stack:
            is_free = False
            try:
                stack.enter_context(plan_lock(context.project, context.store, plan))
                is_free = not is_recording(context.project, plan.digest)
            except WorkbenchError as error:
                if not waited or error.exit_code != ExitCode.ALREADY_RUNNING:
                    raise
            if is_free:
                yield stack
                return
        waited = True
        try:
            note = context.progress.note
            wait_for_recordings(context.project, note, context.interrupted, plan.digest)
            time.sleep(POLL_S)
            if context.interrupted():
                raise Stopped
        except Stopped:
            raise WorkbenchError(
                "interrupted while MLflow's part of the run before goes on",
                fix="the same command waits again",
                exit_code=interrupt_code(context),
            ) from None


def sync(
    plan: Plan, context: RunContext, recorder: Recorder, callbacks: ResultCallbacks
) -> Invocation:
    """Record in MLflow the answers that the store holds; send nothing.

    Raises:
        WorkbenchError: the store can't be read, or the same plan is running.
    """
    plan = replace(plan, requests=tuple(() for _ in plan.variants))
    return run(plan, context, recorder, Options(), callbacks)
