"""Limits on the calls and the cost of one invocation.

The worst-case cost of a call is reserved before the call is made, and settled when it has ended:

    Budget(max_cost=1.00, spent=0.4213, reserved=0.0096, calls=212, in_flight=8)
"""

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from workbench.model import Completion, Request
from workbench.project import Price

UNLIMITED_OUTPUT = 16_384  # tokens reserved for an answer that no parameter limits


@dataclass
class Budget:
    """Limits of one invocation; safe to use from any thread.

    Attributes:
        prices: by `provider:name`; a model without a price costs nothing here.
        max_cost: in the project's currency; None: no limit.
        max_calls: calls, retries included; None: no limit.
        spent: cost of ended calls; calls whose end is unknown count at their worst case.
        reserved: worst-case cost of the calls in flight.
        calls: made so far.
        in_flight: calls that have not ended.
        refused: a retry was refused for lack of budget.
        longest: output tokens of a model's longest answer so far; not every provider counts
            reasoning against the limit of an answer.
    """

    prices: Mapping[str, Price] = field(default_factory=dict)
    max_cost: float | None = None
    max_calls: int | None = None
    spent: float = 0.0
    reserved: float = 0.0
    calls: int = 0
    in_flight: int = 0
    refused: bool = False
    longest: dict[str, int] = field(default_factory=dict)
    _lock: AbstractContextManager[bool] = field(default_factory=threading.RLock, repr=False)

    def worst_case(self, model: str, request: Request) -> float | None:
        """Return the most one call can cost; None without a price.

        A token of text takes at least one byte, so input never costs more than this. Output is
        bounded by `max_tokens`, or twice the longest answer of a model that exceeds it.
        """
        price = self.prices.get(model)
        if price is None:
            return None
        limit = request.max_output_tokens or UNLIMITED_OUTPUT
        longest = self.longest.get(model, 0)
        return price.cost(request.size, 2 * longest if longest > limit else limit)

    def unmeasured(self, model: str) -> bool:
        """Return True while nothing shows that a model keeps to the limit of an answer.

        Until then its calls are made one by one if the cost is limited.
        """
        price = self.prices.get(model)
        limited = self.max_cost is not None and price is not None and price.output > 0
        return limited and model not in self.longest

    def measure(self, model: str, completion: Completion) -> None:
        """Note the length of an answer."""
        tokens = completion.usage.output_tokens
        if tokens is not None or completion.scored:
            self.longest[model] = max(tokens or 0, self.longest.get(model, 0))

    def cost(self, model: str, completion: Completion) -> float | None:
        """Return the cost of a completion; None without a price or token counts."""
        price, usage = self.prices.get(model), completion.usage
        if price is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        return price.cost(usage.input_tokens, usage.output_tokens, usage.cached_tokens or 0)

    def allows(self, worst_case: float | None) -> bool:
        """Return True if a call with this worst case could be made now."""
        with self._lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                return False
            committed = self.spent + self.reserved + (worst_case or 0.0)
            return self.max_cost is None or committed <= self.max_cost

    def reserve(self, worst_case: float | None) -> bool:
        """Reserve and count a call; False if the budget does not allow it now."""
        with self._lock:
            if not self.allows(worst_case):
                return False
            self.calls += 1
            self.in_flight += 1
            self.reserved += worst_case or 0.0
            return True

    def release(self, worst_case: float | None) -> None:
        """Undo the reservation of a call that was not made."""
        with self._lock:
            self.calls -= 1
            self.in_flight -= 1
            self.reserved -= worst_case or 0.0

    def settle(self, worst_case: float | None, cost: float | None) -> None:
        """End a call and turn its reservation into its cost; None: all that was reserved."""
        with self._lock:
            self.in_flight -= 1
            self.reserved -= worst_case or 0.0
            self.spent += (worst_case or 0.0) if cost is None else cost

    def count_retry(self) -> bool:
        """Count another call in place of one that cost nothing; False at the limit of calls."""
        with self._lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                return False
            self.calls += 1
            return True

    def charge_lost_call(self, worst_case: float | None) -> bool:
        """Charge a lost call at its worst case; True if a retry is still reserved for."""
        with self._lock:
            self.spent += worst_case or 0.0
            if self.max_cost is None or self.spent + self.reserved <= self.max_cost:
                return True
            self.reserved -= worst_case or 0.0
            self.in_flight -= 1
            return False

    def exhausted(self, worst_case: float | None) -> bool:
        """Return True if the call can't be made, and no call in flight could free budget."""
        with self._lock:
            return not self.allows(worst_case) and not self.in_flight

    def unaffordable(self, worst_case: float | None) -> bool:
        """Return True if the call can't be made even if all calls in flight cost nothing."""
        with self._lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                return True
            return self.max_cost is not None and self.spent + (worst_case or 0.0) > self.max_cost
