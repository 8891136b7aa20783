"""One invocation: plan, complete, score, record.

experiment.yaml ─▶ Experiment ─▶ Plan ─▶ Completions ─▶ Scores ─▶ MLflow ─▶ Invocation
"""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from workbench.comparing import ExperimentComparison, Race
from workbench.completing import Budget, Outcome, Progress, Site, Stop, alone, complete
from workbench.errors import ExitCode, Stopped, WorkbenchError
from workbench.plan import Options, Plan
from workbench.project import Project
from workbench.results.metrics import VariantResult
from workbench.run.pipeline import Desk, ScoringPipeline, no_pages
from workbench.store import PendingCall, Store
from workbench.tracking.protocol import Recorded, Recorder


@dataclass(frozen=True)
class Requests:
    """planned = stored + shared + sent + not_run, in rows.

    Attributes:
        failed: of the sent, those without an answer that can be scored.
        attempts: HTTP calls made for the sent.
    """

    planned: int
    stored: int
    shared: int
    sent: int
    failed: int
    not_run: int
    attempts: int


@dataclass(frozen=True)
class Raced:
    """What a race came to.

    Attributes:
        out: of each variant that dropped out, by name, why; its rows may all be stored.
        spared: requests that were not sent for them.
        cost: what they would have cost, at what the variants' other rows cost; None: not known.
        off: why nobody could drop out; empty: somebody could.
    """

    metric: str
    out: Mapping[str, str]
    spared: int
    cost: float | None
    off: str


@dataclass(frozen=True)
class Invocation:
    """What a run came to.

    Attributes:
        known: the runs are those of an earlier, equal invocation; nothing was recorded.
        problems: what the user must know, in the order it happened.
        not_run: the ids of rows that some variant has no answer to, because nothing was sent.
        race: who dropped out, where variants could.
        traced: how many rows of a variant have a trace, beside the failed ones; None: all.
    """

    plan: Plan
    requests: Requests
    variants: tuple[VariantResult, ...]
    tracking_uri: str
    experiment_id: str
    parent_run_id: str
    exit_code: ExitCode
    known: bool = False
    problems: tuple[WorkbenchError, ...] = ()
    not_run: tuple[str, ...] = ()
    traced: int | None = None
    race: Raced | None = None


def _unseen(variants: Sequence[VariantResult]) -> None:
    """For whoever waits for the end."""


@dataclass(frozen=True)
class RunSite:
    """What an invocation works with.

    Attributes:
        scored: shown the numbers as soon as all is judged and kept, before MLflow has it all.
        pages: makes the files of the comparison that is kept beside the runs, by name.
    """

    project: Project
    store: Store
    recorder: Recorder
    progress: Progress
    stop: Stop = field(default_factory=Stop)
    budget: Budget = field(default_factory=Budget)
    scored: Callable[[Sequence[VariantResult]], None] = _unseen
    pages: Callable[[ExperimentComparison], Mapping[str, str]] = no_pages


def check_prices(plan: Plan, budget: Budget) -> None:
    """That a limit of cost can be kept.

    Raises:
        WorkbenchError: a model that may have to be paid has no price.
    """
    if budget.max_cost is None:
        return
    for variant, requests in zip(plan.variants, plan.requests, strict=True):
        ref = variant.model.model.ref
        if requests and variant.model.provider.billed and ref not in budget.prices:
            raise WorkbenchError(
                f"--max-cost can't be kept: {ref} has no price",
                where="workbench.yaml",
                fix=f'prices: {{"{ref}": {{input: 0.15, output: 0.60}}}}, per million tokens '
                "(0 and 0 for a server of your own), or leave --max-cost out",
            )


def run(plan: Plan, shop: RunSite, options: Options) -> Invocation:
    """Does what the plan says and leaves it in the store and in MLflow.

    Rows are judged and recorded while others are still being answered.

    Raises:
        WorkbenchError: nothing could be sent, the store can't be written, or the same plan is
            running already; it was interrupted (what was answered is kept).
    """
    with alone(shop.project, shop.store, plan), shop.store.ledger.session(plan.digest) as unsaid:
        if unsaid:
            shop.progress.note(_unknown(unsaid, shop.project))
        with _following(plan, shop, options) as following:
            race = Race(plan, following.settled, shop.progress.spare) if plan.race else None
            site = Site(shop.store, shop.progress, shop.stop, shop.budget, following)
            outcome = complete(plan, replace(site, rounds=race.batches) if race else site)
            spared = race.spared if race else 0
            if shop.stop.signal:
                raise _interrupted(plan, outcome, shop, options, spared)
            try:
                variants = following.judged(race)
                shop.scored(variants)
                shop.progress.note("recording in MLflow")
                recorded = following.recorded()
                for line in recorded.notes:
                    shop.progress.note(line)
            except Stopped:
                raise _interrupted(plan, outcome, shop, options, spared) from None
            done = _invocation(plan, shop, outcome, following, recorded)
            return replace(done, race=_raced(race, following.variants)) if race else done


def sync(plan: Plan, shop: RunSite) -> Invocation:
    """Leaves in MLflow what the store holds of the plan; sends nothing.

    Raises:
        WorkbenchError: the store can't be read, or the same plan is running.
    """
    plan = replace(plan, requests=tuple(() for _ in plan.variants))
    return run(plan, shop, Options())


def _following(plan: Plan, shop: RunSite, options: Options) -> ScoringPipeline:
    return ScoringPipeline(
        plan,
        Desk(shop.project, shop.store, shop.recorder, shop.pages),
        shop.stop,
        again=options.again,
    )


def _invocation(
    plan: Plan, shop: RunSite, outcome: Outcome, following: ScoringPipeline, recorded: Recorded
) -> Invocation:
    variants = following.variants
    if recorded.run_ids:
        named = zip(variants, recorded.run_ids, recorded.versions, strict=True)
        variants = [_named(*one) for one in named]
    requests, most = _count(plan, outcome, variants), shop.project.file.traces
    missing = list(following.not_run())
    return Invocation(
        plan=plan,
        requests=requests,
        variants=tuple(variants),
        tracking_uri=recorded.tracking_uri,
        experiment_id=recorded.experiment_id,
        parent_run_id=recorded.parent_run_id,
        exit_code=_exit_code(plan, recorded, outcome, variants),
        known=recorded.already_recorded,
        problems=(*outcome.stops, *_exhausted(len(missing), shop, outcome), *recorded.problems),
        not_run=tuple(dict.fromkeys(missing)),
        traced=most if len(plan.cells[0]) > most else None,
    )


def _interrupted(
    plan: Plan, outcome: Outcome, shop: RunSite, options: Options, spared: int
) -> WorkbenchError:
    answered = outcome.sent - outcome.failed
    left = plan.to_send - answered - outcome.elsewhere - spared
    under_way = shop.store.ledger.under_way()
    said = [f"{answered:,} requests were answered and kept, {left:,} are left"]
    if not left:
        said = ["all answers are kept, and not all of them are recorded in MLflow yet"]
    if under_way:
        said.append(_unknown(under_way, shop.project))
    terminated = shop.stop.signal != signal.SIGINT
    return WorkbenchError(
        f"interrupted: {'; '.join(said)}",
        fix=_go_on(options),
        exit_code=ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED,
    )


def _named(result: VariantResult, run_id: str, version: int | None) -> VariantResult:
    """With the names that MLflow has given."""
    variant = result.variant
    prompt = variant.prompt.with_version(version) if version else variant.prompt
    return replace(result, run_id=run_id, variant=replace(variant, prompt=prompt))


def _exhausted(left: int, shop: RunSite, outcome: Outcome) -> Iterator[WorkbenchError]:
    if outcome.exhausted:
        budget = shop.budget
        cost = f", {shop.project.file.currency} {budget.spent:.4f}" if budget.prices else ""
        yield WorkbenchError(
            f"stopped at the budget after {budget.calls:,} calls{cost}: {left:,} rows are not run",
            fix="the same command goes on where it was, with a limit of its own",
            exit_code=ExitCode.BUDGET,
        )


def _go_on(options: Options) -> str:
    said = "the same command without --fresh" if options.fresh else "the same command"
    return f"{said} goes on where it was"


def _unknown(calls: Sequence[PendingCall], project: Project) -> str:
    """What is said of calls whose outcome nobody knows."""
    costs = [call.cost for call in calls]
    most = sum(cost or 0.0 for cost in costs)
    price = f" and may have cost up to {project.file.currency} {most:.4f}" if any(costs) else ""
    counted = "1 call was" if len(calls) == 1 else f"{len(calls):,} calls were"
    keys = ", ".join(call.key[:12] for call in calls[:3]) + (", …" if len(calls) > 3 else "")
    return (
        f"{counted} under way when their run ended{price}; "
        f"their outcome is unknown: {keys} (workbench store stats lists them)"
    )


def _count(plan: Plan, outcome: Outcome, variants: Sequence[VariantResult]) -> Requests:
    """Rows by how they came to an answer; a shared one whose request wasn't sent isn't run."""
    unsent = sum(one.rows.not_run for one in variants)
    unsent_requests = plan.to_send - outcome.sent - outcome.elsewhere
    return Requests(
        planned=plan.planned,
        stored=plan.stored + outcome.elsewhere,
        shared=plan.shared - (unsent - unsent_requests),
        sent=outcome.sent,
        failed=outcome.useless,
        not_run=unsent,
        attempts=outcome.attempts,
    )


def _raced(race: Race, variants: Sequence[VariantResult]) -> Raced:
    costs = [
        None if one.cost_of_1000 is None else one.cost_of_1000 * one.rows.not_run / 1_000
        for one in variants
        if one.stopped
    ]
    known = [cost for cost in costs if cost is not None]
    cost = sum(known) if len(known) == len(costs) else None
    out = {variants[number].variant.name: race.reason(number) for number in race.eliminated}
    return Raced(race.metric.name, out, race.spared, cost, race.disabled)


def _exit_code(
    plan: Plan, recorded: Recorded, outcome: Outcome, variants: Sequence[VariantResult]
) -> ExitCode:
    if outcome.exhausted:
        return ExitCode.BUDGET
    lost = sum(variant.missing for variant in variants)
    errors = sum(metric.errors for v in variants for metric in v.metrics.values())
    if lost + errors > plan.experiment.max_failed:
        return ExitCode.FAILED_ROWS
    return ExitCode.NOT_RECORDED if recorded.problems else ExitCode.DONE
