"""One model's requests, handed out one by one, each with its intent noted and its cost held.

for completion in provider.complete(hand.requests()): …     # pulling a request commits to it
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from workbench.completing.budget import Budget
from workbench.experiment import OpenModel
from workbench.model import FailedCall, Request
from workbench.store import Claim, Store


@dataclass
class Stop:
    """Asked for once: what is under way ends and nothing new begins. Twice: at once.

    Attributes:
        signal: the signal that asked; 0: none did.
        drain_s: seconds that what is under way has.
    """

    wanted: bool = False
    signal: int = 0
    now: bool = False
    drain_s: float = 60.0
    _asked_at: float = 0.0

    def ask(self, signal: int) -> None:
        """Asks for the end; a second time: for the end at once."""
        self.now = self.wanted and bool(self.signal)
        self.signal = self.signal or signal
        self._asked_at = self._asked_at or time.monotonic()
        self.wanted = True

    @property
    def overdue(self) -> bool:
        """Whether nothing is waited for any more."""
        if self.now:
            return True
        return bool(self.signal) and time.monotonic() - self._asked_at > self.drain_s


@dataclass(frozen=True)
class Terms:
    """On what a request may be sent."""

    store: Store
    budget: Budget
    stop: Stop
    anew: frozenset[str]


@dataclass
class RequestLease:
    """The permit of one request that was handed out, and what is held for it.

    Attributes:
        most: what a call may cost.
        under_way: a call is being made.
        holding: the budget holds `most` for it, between two calls too.
    """

    terms: Terms
    key: str
    most: float | None
    under_way: bool = True
    holding: bool = True

    def should_stop(self) -> bool:
        """Whether the run is ending."""
        return self.terms.stop.wanted

    def record_failure(self, failed_call: FailedCall) -> None:
        """Notes a call without an answer; one that may be billed is taken to be."""
        self.under_way = False
        self.terms.store.ledger.lost(self.key, failed_call)
        if failed_call.outcome != "refused":
            self.holding = self.terms.budget.pay(self.most)

    def allow_retry(self) -> bool:
        """Whether another call may be made, for which as much is held."""
        if self.should_stop():
            return False
        budget = self.terms.budget
        if not (budget.repeat() if self.holding else budget.take(self.most)):
            budget.refused = budget.refused or budget.beyond(self.most)
            return False
        self.under_way = self.holding = True
        self.terms.store.ledger.again(self.key)
        return True

    def settle(self, cost: float | None) -> None:
        """Ends it; `cost` of the last call, if that is under way; None: all that is held."""
        if self.holding:
            self.terms.budget.settle(self.most, cost if self.under_way else 0.0)
        self.under_way = self.holding = False


@dataclass
class ModelQueue:
    """What one model has still to be asked.

    Attributes:
        waiting: requests that nobody asks.
        taken: requests that another process is asking.
        slips: of those handed out, by key.
        asked: requests handed out that the provider has not spoken of yet.
    """

    model: OpenModel
    terms: Terms
    waiting: deque[Request]
    taken: dict[str, Request] = field(default_factory=dict)
    slips: dict[str, RequestLease] = field(default_factory=dict)
    asked: dict[str, Request] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """`provider:name`."""
        return self.model.model.ref

    @property
    def left(self) -> bool:
        """Whether anything is neither answered nor under way."""
        return bool(self.waiting or self.taken)

    def affordable(self) -> bool:
        """Whether the next request could be sent now."""
        budget = self.terms.budget
        return bool(self.waiting) and budget.allows(budget.most(self.ref, self.waiting[0]))

    def exhausted(self) -> bool:
        """Whether the next request can't be sent, however long one waits."""
        budget = self.terms.budget
        return bool(self.waiting) and budget.exhausted(budget.most(self.ref, self.waiting[0]))

    def requests(self) -> Iterator[Request]:
        """Those that may be sent, until none is left, the budget is, or the run is stopped."""
        while self.waiting and not self.terms.stop.wanted:
            request = self.waiting[0]
            most = self.terms.budget.most(self.ref, request)
            if not self.terms.budget.take(most):
                return
            self.waiting.popleft()
            if self._claim(request, most) != "claimed":
                self.terms.budget.give_back(most)
                self.taken[request.key] = request
                continue
            slip = self.slips[request.key] = RequestLease(self.terms, request.key, most)
            self.asked[request.key] = request
            yield replace(request, permit=slip)

    def _claim(self, request: Request, most: float | None) -> Claim:
        billed = self.model.provider.billed
        anew = request.key in self.terms.anew
        ledger = self.terms.store.ledger
        return ledger.claim(request.key, self.ref, most, anew=anew, billed=billed)

    def look(self) -> set[str]:
        """Keys that other processes have answered meanwhile; what they gave up waits again."""
        answered = self.terms.store.kept(self.taken) - self.terms.anew
        for key in answered:
            del self.taken[key]
        for key in self.taken.keys() - self.terms.store.ledger.taken(self.taken):
            self.waiting.append(self.taken.pop(key))
        return answered
