"""One invocation: complete the plan's requests, score the answers, record the results.

Experiment ─▶ Plan ─▶ Completions ─▶ Scores ─▶ MLflow ─▶ Invocation

Rows are scored and recorded while others are still being answered.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace

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
from workbench.scoring.judged_stream import with_judges
from workbench.tracking.live_recordings import POLL_S, is_recording, wait_for_recordings
from workbench.tracking.protocol import Recorder


def make_budget(
    plan: Plan, prices: Mapping[str, Price], *, max_cost: float | None, max_calls: int | None
) -> Budget:
    """Return the budget of an invocation; a limit of None is none.

    Raises:
        WorkbenchError: a billed model has no price, so that `max_cost` can't be enforced.
    """
    budget = Budget(prices, max_cost=max_cost, max_calls=max_calls)
    if max_cost is None:
        return budget
    for variant, requests in zip(plan.variants, plan.requests, strict=True):
        ref = variant.model.model.ref
        if requests and variant.model.provider.billed and ref not in prices:
            raise WorkbenchError(
                f"--max-cost can't be enforced: {ref} has no price",
                where="workbench.yaml",
                fix=f'prices: {{"{ref}": {{input: 0.15, output: 0.60}}}}, per million tokens '
                "(0 and 0 for a server of your own), or leave --max-cost out",
            )
    return budget


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
    context, progress = with_judges(context, plan), context.progress
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
