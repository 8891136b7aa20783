"""A gate that asks for more rows, or more repeats, until it is decided or its budget is spent.

    Grown(gate=GrowingGate(checks=[…], max_rows=152, …), begun=40, calls=336, spent=None, …)

It completes and scores as `run` does: all answers go into the store and no request is sent twice,
and a later `run` finds them there. MLflow has no part in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.comparing.growth import GrowingGate
from workbench.completing.complete import complete
from workbench.completing.context import RunContext
from workbench.completing.model_threads import Outcome
from workbench.completing.plan_lock import plan_lock
from workbench.errors import WorkbenchError, pluralize
from workbench.evaluator.row_values import require_row_values
from workbench.plan import Plan
from workbench.run.summary import interrupt_code
from workbench.scoring.judged_stream import open_stream, with_follow_ups
from workbench.scoring.stream import ignore_rows

MAX_EXTRA_REPEATS = 4  # beyond the experiment's; each needs twice the evidence of the one before
PlanRepeats = Callable[[int], Plan]  # the plan with this number of repeats


@dataclass(frozen=True)
class Grown:
    """The result of a growing gate.

    Attributes:
        plan: with the number of repeats that was reached.
        outcome: of this plan's requests.
        begun: rows that were answered before anything was sent.
        spent: on its calls, in the project's currency; None without prices.
    """

    plan: Plan
    gate: GrowingGate
    outcome: Outcome
    begun: int
    calls: int
    spent: float | None


def grow(plan: Plan, plan_repeats: PlanRepeats, names: Sequence[str], context: RunContext) -> Grown:
    """Ask for rows in batches; when all are answered, for one more repeat of each row.

    Every further repeat halves the error probability it may use, so that all of them together
    keep the promise of one.

    `names` are variants, prompts or models to gate; empty: all that are no baseline.
    `context.progress.note` gets the state after each look.

    Raises:
        WorkbenchError: there is no gate, the store can't be written, the run was interrupted, or
            the same plan is running already.
    """
    for evaluator in plan.experiment.evaluators:
        if plan.experiment.gate.keys() & {"", evaluator.name}:
            fix = "gate without --grow, or by a metric that has a value of each row"
            require_row_values(evaluator, "--grow", where=plan.experiment.path, fix=fix)
    repeats, budget = plan.experiment.repeats, context.budget
    growing = GrowingGate(names, context.progress.note, repeats)
    max_repeats = repeats + MAX_EXTRA_REPEATS
    deeper_plan = _with_more_repeats(plan, plan_repeats, max_repeats)
    weight, begun = 2.0 if deeper_plan else 1.0, None
    while True:
        outcome = _grow_rows(plan, growing, weight, context)
        begun = growing.stored_rows if begun is None else begun
        finished = growing.decided or outcome.exhausted or outcome.model_errors
        if finished or deeper_plan is None:
            return Grown(
                plan=plan,
                gate=growing,
                outcome=outcome,
                begun=begun,
                calls=budget.calls,
                spent=budget.spent if budget.prices else None,
            )
        plan, weight = deeper_plan, 2 * weight
        deeper_plan = _with_more_repeats(plan, plan_repeats, max_repeats)


def _grow_rows(plan: Plan, growing: GrowingGate, weight: float, context: RunContext) -> Outcome:
    """Send the rounds of one plan until the gate is decided or its rows are used up."""
    context = with_follow_ups(context, plan)
    context.stop.requested = False
    _raise_if_interrupted(context)
    with (
        plan_lock(context.project, context.store, plan),
        context.store.leases.session(plan.digest),
        open_stream(plan, context, ignore_rows) as stream,
    ):
        # Rows without a reply count as failed until they are answered, as they did before.
        keys = {request.key for requests in plan.requests for request in requests}
        stream.add(list(context.store.no_replies.completions(keys).values()))
        growing.start(stream.wait, weight)
        outcome = complete(plan, context, receive=stream.add, rounds=growing.batches)
        _raise_if_interrupted(context)
        if outcome.exhausted and not growing.decided:  # part of the last batch is answered
            growing.check_rows(plan)
        stream.finish()
    return outcome


def _with_more_repeats(plan: Plan, plan_repeats: PlanRepeats, max_repeats: int) -> Plan | None:
    """Return the plan with one more repeat; None at the limit, or where answers hardly vary."""
    if plan.experiment.repeats >= max_repeats:
        return None
    deeper_plan = plan_repeats(plan.experiment.repeats + 1)
    sampled = [
        cells
        for variant, cells in zip(deeper_plan.variants, deeper_plan.cells, strict=True)
        if variant.parameters.get("temperature") != 0
    ]
    adds_requests = any(cell.key not in plan.bodies for cells in sampled for cell in cells)
    return deeper_plan if adds_requests else None


def _raise_if_interrupted(context: RunContext) -> None:
    if context.interrupted():
        raise WorkbenchError(
            f"interrupted after {pluralize(context.budget.calls, 'call')}; all answers are kept",
            fix="the same command continues from there",
            exit_code=interrupt_code(context),
        )
