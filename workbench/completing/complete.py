"""A plan's requests, sent and stored.

complete(plan, context, receive=stream.add)      Outcome(sent=300, failed=0, attempts=301, …)
"""

from collections.abc import Callable, Sequence

from workbench.completing.context import Round, Rounds, RunContext
from workbench.completing.dispatch import Groups, model_queues
from workbench.completing.model_threads import ModelThreads, Outcome, Receive
from workbench.completing.next_turns import NextTurns
from workbench.completing.token_bounds import learn_stored_bills
from workbench.experiment import OpenModel
from workbench.model import Request
from workbench.plan import Plan, interleave, shuffled_rows


def complete(
    plan: Plan,
    context: RunContext,
    *,
    receive: Receive | None = None,
    begin: Callable[[], None] | None = None,
    rounds: Rounds | None = None,
) -> Outcome:
    """Send the plan's requests, store each completion, then pass it on.

    `begin` is called when all checks have passed, `receive` with completions that are durable or
    have failed for good; `rounds` is asked for the next round when one is stored, None: all are
    sent at once. The caller holds a session of the store's leases.

    Raises:
        WorkbenchError: a model can't be called at all (before anything is sent), or the store
            can't be written.
        Exception: a fault of ours or of a plug-in, after the other models' answers are stored.
    """
    _check(plan, context)
    if begin:
        begin()
    turns = NextTurns(plan, context.store)
    sender = ModelThreads(context, receive, turns)
    context.progress.begin(plan.to_send)
    # In the order of the rounds, so that an interrupted one has answered a random sample.
    rows = shuffled_rows(plan) if rounds else range(plan.rows)
    try:
        for round_requests in rounds(plan) if rounds else [plan.requests]:
            begun = [turns.begin(requests) for requests in round_requests]
            sender.fail_turns([failed for _, failures in begun for failed in failures])
            groups = _by_model(plan, [ready for ready, _ in begun], rows)
            sender.send_all(model_queues(plan, context, groups))
            if context.stop.requested or sender.outcome.exhausted:
                break
    finally:
        context.stop.requested = True
        context.progress.end()
    sender.outcome.exhausted |= context.budget.refused
    return sender.outcome


def _check(plan: Plan, context: RunContext) -> None:
    used = [v.model for v, requests in zip(plan.variants, plan.requests, strict=True) if requests]
    used += context.follow_ups.models if plan.to_send else []
    for model in {model.model.label: model for model in used}.values():
        model.provider.check_ready()
    if plan.to_send:
        context.store.check()
        if context.budget.max_cost is not None:
            learn_stored_bills(context.budget.bounds, plan, context.store)
        context.store.reserve_space(request for requests in plan.requests for request in requests)


def _by_model(plan: Plan, round_requests: Round, rows: Sequence[int]) -> Groups:
    """Group the requests of all variants by model, so that each model is opened once.

    An API gets them row by row, in the order of `rows`. A local model gets variant after variant:
    its batches share the beginning of a prompt.
    """
    groups: dict[str, tuple[OpenModel, list[Request]]] = {}
    for variant, requests in zip(plan.variants, round_requests, strict=True):
        _, all_requests = groups.setdefault(variant.model.model.label, (variant.model, []))
        all_requests.extend(requests)
    return [
        (model, interleave(plan, requests, rows) if model.provider.concurrent else requests)
        for model, requests in groups.values()
        if requests
    ]
