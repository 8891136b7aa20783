"""The requests of one model, each leased and budgeted at the moment a provider pulls it."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.completing.budget import Budget
from workbench.completing.context import RunContext
from workbench.completing.judge_budget import JudgeBudget
from workbench.completing.token_bounds import TokenBounds, endpoint_of
from workbench.experiment import OpenModel
from workbench.model import UNBILLED_STATES, Completion, FailedCall, Request
from workbench.plan import Plan

Groups = list[tuple[OpenModel, list[Request]]]  # the requests of each model


@dataclass
class RequestLease:
    """The permit of one request that a provider has pulled, and the budget held for it.

    Attributes:
        budget: that pays for it.
        worst_case: the most one call can cost; None without a price.
        answered_before: as in `Permit`.
        in_flight: a call is being made.
        funded: the budget holds `worst_case` for it, also between two calls.
    """

    context: RunContext
    key: str
    budget: Budget | JudgeBudget
    worst_case: float | None
    answered_before: bool = False
    in_flight: bool = True
    funded: bool = True

    def should_stop(self) -> bool:
        """Return True once the run is ending."""
        return self.context.stop.requested

    def record_failure(self, failed_call: FailedCall) -> None:
        """Note a call without an answer; one that may be billed counts as spent."""
        self.in_flight = False
        self.context.store.leases.record_failed_call(self.key, failed_call)
        if failed_call.waiting:
            self.context.progress.wait(failed_call.waiting)
        if failed_call.outcome != "refused":
            self.funded = self.budget.charge_lost_call(self.worst_case)

    def allow_retry(self) -> bool:
        """Return True if another call may be made; its cost is then held."""
        if self.should_stop():
            return False
        budget = self.budget
        if not (budget.count_retry() if self.funded else budget.reserve(self.worst_case)):
            budget.refused = budget.refused or budget.unaffordable(self.worst_case)
            return False
        self.in_flight = self.funded = True
        self.context.store.leases.start_retry(self.key)
        return True

    def settle(self, cost: float | None) -> None:
        """End the lease; `cost` is that of a call in flight, None: all that is held."""
        if self.funded:
            self.budget.settle(self.worst_case, cost if self.in_flight else 0.0)
        self.in_flight = self.funded = False


@dataclass
class ModelQueue:
    """The requests that one model has still to answer.

    Attributes:
        refetch: keys to send although the store holds an answer.
        waiting: requests that no process is sending.
        answered_before: as in `Permit`.
        leased_elsewhere: requests that another process is sending, by key.
        leases: of the requests pulled by the provider, by key.
        pulled: requests that the provider has not answered yet, by key.
        is_closed: it takes no more requests.
        group: queues that are served one after another in the same thread.
    """

    model: OpenModel
    context: RunContext
    refetch: frozenset[str]
    waiting: deque[Request]
    answered_before: bool = False
    leased_elsewhere: dict[str, Request] = field(default_factory=dict)
    leases: dict[str, RequestLease] = field(default_factory=dict)
    pulled: dict[str, Request] = field(default_factory=dict)
    is_closed: bool = False
    group: "Sequence[ModelQueue]" = ()

    @property
    def ref(self) -> str:
        """`provider:name`."""
        return self.model.model.ref

    @cached_property
    def endpoint(self) -> str:
        """The address that the model is called at."""
        return endpoint_of(self.model)

    @cached_property
    def bounds(self) -> TokenBounds:
        """The bounds of the model at its endpoint."""
        return self.context.budget.bounds[self.ref, self.endpoint]

    def settle(self, completion: Completion, request: Request | None) -> None:
        """End the lease of an answered request, and learn from its bill."""
        budget = self.context.budget
        cost = budget.cost(self.ref, completion)
        with budget.lock:
            if request:
                budget.measure(self.ref, request, completion, self.endpoint)
            self.bounds.calls -= 1
        self.leases.pop(completion.key).settle(0.0 if completion.state in UNBILLED_STATES else cost)

    @property
    def unfinished(self) -> bool:
        """True while a request is neither answered nor pulled."""
        return bool(self.waiting or self.leased_elsewhere)

    def affordable(self) -> bool:
        """Return True if the next request could be sent now."""
        if not self.waiting or self._probing:
            return False
        return self.context.budget_of(self.waiting[0]).allows(self._worst_case())

    @property
    def _probing(self) -> bool:
        """True while the calls in flight show how much the model bills."""
        most_calls = self.context.budget.most_calls(self.ref, self.endpoint)
        return self.model.provider.billed and self.bounds.calls >= most_calls

    def _worst_case(self) -> float | None:
        """The most that the next request can cost."""
        return self.context.budget.worst_case(self.ref, self.waiting[0], self.endpoint)

    def exhausted(self) -> bool:
        """Return True if the budget can never cover the next request."""
        if not self.waiting:
            return False
        return self.context.budget_of(self.waiting[0]).exhausted(self._worst_case())

    def requests(self) -> Iterator[Request | None]:
        """Yield requests that may be sent, until the queue, the budget or the run ends.

        None: there is none at the moment, but one may follow from an answer.
        """
        while not self.context.stop.requested:
            if not self.waiting:
                if not self._may_pause():
                    return
                yield None
                continue
            request = self.waiting[0]
            budget = self.context.budget_of(request)
            with self.context.budget.lock:  # models with other labels share the bounds
                worst_case = self._worst_case()
                if self._probing or not budget.reserve(worst_case):
                    return
                self.bounds.calls += 1
            self.waiting.popleft()
            claim_result = self.context.store.leases.claim(
                request.key,
                self.ref,
                worst_case,
                refetch=request.key in self.refetch,
                billed=self.model.provider.billed,
            )
            if claim_result != "claimed":
                with self.context.budget.lock:
                    budget.release(worst_case)
                    self.bounds.calls -= 1
                self.leased_elsewhere[request.key] = request
                continue
            lease = RequestLease(
                self.context, request.key, budget, worst_case, self.answered_before
            )
            self.leases[request.key] = lease
            self.pulled[request.key] = request
            yield replace(request, permit=lease)

    def _may_pause(self) -> bool:
        """True if the provider can wait for a request, and no other model for its thread."""
        if not getattr(self.model.provider, "takes_pauses", False) or self.leased_elsewhere:
            return False
        others = any(queue.unfinished for queue in self.group if queue is not self)
        return self.context.follow_ups.open and not others

    def collect_elsewhere(self) -> set[str]:
        """Return keys that other processes have answered; requests they gave up wait again."""
        store = self.context.store
        answered = store.stored_keys(self.leased_elsewhere) - self.refetch
        for key in answered:
            del self.leased_elsewhere[key]
        for key in self.leased_elsewhere.keys() - store.leases.leased_elsewhere(
            self.leased_elsewhere
        ):
            self.waiting.append(self.leased_elsewhere.pop(key))
        return answered


def model_queues(plan: Plan, context: RunContext, groups: Groups) -> list[ModelQueue]:
    """Return the queues of the models with the requests of each; then those that may follow."""
    answered, refetch = plan.answered_models, plan.refetch
    labels = {model.model.label for model, _ in groups}
    others = [m for m in context.follow_ups.models if m.model.label not in labels]
    groups = [*groups, *((model, []) for model in others)]
    return [
        ModelQueue(model, context, refetch, deque(sent), model.model.label in answered)
        for model, sent in groups
    ]
