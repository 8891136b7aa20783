"""The summary of one invocation: counts of requests, race, problems, exit code."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.comparing.race import Race
from workbench.completing.context import RunContext
from workbench.completing.model_threads import Outcome
from workbench.errors import ExitCode, WorkbenchError, cost_text, list_first, pluralize
from workbench.plan import Options, Plan
from workbench.results.types import VariantResult
from workbench.run.pipeline import ScoringPipeline
from workbench.store import UnansweredCall
from workbench.tracking.protocol import Recorded


@dataclass(frozen=True)
class RequestCounts:
    """Rows by how they got their answer: planned = stored + shared + sent + not_run.

    Attributes:
        failed: of the sent, those without an answer that can be scored.
        attempts: HTTP calls made for the sent.
        verdicts: requests to judges, beside the planned ones.
    """

    planned: int
    stored: int
    shared: int
    sent: int
    failed: int
    not_run: int
    attempts: int
    verdicts: int = 0


@dataclass(frozen=True)
class RaceSummary:
    """The result of a race.

    Attributes:
        dropped: reason by name of each variant that dropped out; its rows may all be stored.
        spared: requests that were not sent for them.
        cost: of the spared requests, estimated from the variants' other rows; None: unknown.
        disabled: why no variant could drop out; empty: any could.
    """

    metric: str
    dropped: Mapping[str, str]
    spared: int
    cost: float | None
    disabled: str


@dataclass(frozen=True)
class Invocation:
    """A finished invocation.

    Attributes:
        best_run_id, baseline_run_id: the runs that the parent run's page compares; empty: it names
            none, or MLflow doesn't have it yet.
        has_comparison: the comparison of all variants is an artifact of the parent run.
        recorded_before: the runs are those of an earlier, equal invocation; nothing was recorded.
        problems: errors the user must know, in the order they happened.
        not_run: ids of rows that some variant has no answer to, because nothing was sent.
        race: None without `--race`.
        traced: rows per variant with a trace, beside the failed ones; None: all rows.
        recording_process: the number of the process that goes on recording; 0: none does.
    """

    plan: Plan
    requests: RequestCounts
    variants: tuple[VariantResult, ...]
    tracking_uri: str
    experiment_id: str
    parent_run_id: str
    exit_code: ExitCode
    best_run_id: str = ""
    baseline_run_id: str = ""
    has_comparison: bool = False
    recorded_before: bool = False
    problems: tuple[WorkbenchError, ...] = ()
    not_run: tuple[str, ...] = ()
    traced: int | None = None
    race: RaceSummary | None = None
    recording_process: int = 0


def summarize(
    plan: Plan,
    context: RunContext,
    outcome: Outcome,
    pipeline: ScoringPipeline,
    recorded: Recorded,
) -> Invocation:
    """Build the summary of an invocation from the outcome of its steps."""
    variants, not_run = pipeline.variants, list(pipeline.not_run())
    if recorded.run_ids:
        names = zip(variants, recorded.run_ids, recorded.versions, strict=True)
        variants = [_with_mlflow_names(*triple) for triple in names]
    max_traces = context.project.file.traces
    return Invocation(
        plan=plan,
        requests=_count(plan, outcome, variants, pipeline.not_reached + outcome.unaskable),
        variants=tuple(variants),
        tracking_uri=recorded.tracking_uri,
        experiment_id=recorded.experiment_id,
        parent_run_id=recorded.parent_run_id,
        exit_code=_exit_code(plan, recorded, outcome, variants),
        best_run_id=recorded.best,
        baseline_run_id=recorded.baseline,
        has_comparison=recorded.has_comparison,
        recorded_before=recorded.recorded_before,
        problems=(
            *outcome.model_errors,
            *_budget_errors(len(not_run), context, outcome),
            *recorded.problems,
        ),
        not_run=tuple(dict.fromkeys(not_run)),
        recording_process=recorded.process,
        traced=max_traces if len(plan.cells[0]) > max_traces else None,
    )


def summarize_race(race: Race, variants: Sequence[VariantResult]) -> RaceSummary:
    """Name the variants that dropped out, and estimate what that saved."""
    stopped = [variant for variant in variants if variant.stopped]
    costs = [
        v.cost_of_1000 * v.answers.not_run / 1_000 for v in stopped if v.cost_of_1000 is not None
    ]
    cost = sum(costs) if len(costs) == len(stopped) else None
    dropped = {variants[number].variant.name: race.reason(number) for number in race.eliminated}
    return RaceSummary(race.metric.name, dropped, race.spared, cost, race.disabled)


def interrupted_error(
    plan: Plan, context: RunContext, outcome: Outcome, options: Options, spared: int
) -> WorkbenchError:
    """Build the error of an interrupted run: what is kept, what is left, what is unknown."""
    answered = outcome.sent - outcome.failed
    unsent = plan.to_send - answered - outcome.answered_elsewhere - spared
    answers = pluralize(answered, "request was", "requests were")
    parts = [f"{answers} answered and kept, {pluralize(unsent, 'is', 'are')} left"]
    if not unsent:
        parts = ["all answers are kept; some are not recorded in MLflow yet"]
    if in_flight := context.store.leases.pending_calls():
        parts.append(unknown_calls_text(in_flight, context.project.file.currency))
    command = "the same command without --fresh" if options.fresh else "the same command"
    return WorkbenchError(
        f"interrupted: {'; '.join(parts)}",
        fix=f"{command} continues from there",
        exit_code=interrupt_code(context),
    )


def interrupt_code(context: RunContext) -> ExitCode:
    """Return the exit code of the signal that ended the invocation."""
    interrupted = context.stop.signal == signal.SIGINT
    return ExitCode.INTERRUPTED if interrupted else ExitCode.TERMINATED


def unknown_calls_text(calls: Sequence[UnansweredCall], currency: str) -> str:
    """Describe calls whose outcome is unknown."""
    costs = [call.cost for call in calls]
    worst_case = sum(cost or 0.0 for cost in costs)
    price = f" and may have cost up to {currency} {cost_text(worst_case)}" if any(costs) else ""
    count = pluralize(len(calls), "call was", "calls were")
    pronoun = "its" if len(calls) == 1 else "their"
    keys = list_first([call.key[:12] for call in calls], 3)
    return (
        f"{count} in flight when {pronoun} run ended{price}; "
        f"{pronoun} outcome is unknown: {keys} (workbench store stats lists them)"
    )


def _with_mlflow_names(result: VariantResult, run_id: str, version: int | None) -> VariantResult:
    """Add the run id and the prompt version that MLflow assigned."""
    variant = result.variant
    prompt = replace(variant.prompt, version=version) if version else variant.prompt
    return replace(result, run_id=run_id, variant=replace(variant, prompt=prompt))


def _budget_errors(
    rows_left: int, context: RunContext, outcome: Outcome
) -> Iterator[WorkbenchError]:
    if outcome.exhausted:
        budget = context.budget
        spent = f", {context.project.file.currency} {cost_text(budget.spent)}"
        yield WorkbenchError(
            f"stopped at the budget after {pluralize(budget.calls, 'call')}"
            f"{spent if budget.prices else ''}: "
            f"{pluralize(rows_left, 'row is', 'rows are')} not run",
            fix="the same command continues from there, with a budget of its own",
            exit_code=ExitCode.BUDGET,
        )


def _count(
    plan: Plan, outcome: Outcome, variants: Sequence[VariantResult], not_reached: int
) -> RequestCounts:
    """Count rows; one that shares a request that wasn't sent is not run."""
    not_run = sum(variant.answers.not_run for variant in variants) + not_reached
    unsent_requests = plan.to_send - outcome.sent - outcome.answered_elsewhere
    return RequestCounts(
        planned=plan.planned,
        stored=plan.stored + outcome.answered_elsewhere,
        shared=plan.shared - (not_run - unsent_requests),
        sent=outcome.sent,
        failed=outcome.unusable,
        not_run=not_run,
        attempts=outcome.attempts,
        verdicts=outcome.verdicts,
    )


def _exit_code(
    plan: Plan, recorded: Recorded, outcome: Outcome, variants: Sequence[VariantResult]
) -> ExitCode:
    if outcome.exhausted:
        return ExitCode.BUDGET
    if sum(variant.failures for variant in variants) > plan.experiment.max_failed:
        return ExitCode.FAILED_ROWS
    return ExitCode.NOT_RECORDED if recorded.problems else ExitCode.DONE
