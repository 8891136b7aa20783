"""Limits on the calls and the cost of one invocation.

The worst-case cost of a call is reserved before the call is made, and settled when it has ended:

    Budget(max_cost=1.00, spent=0.4213, reserved=0.0096, calls=212, in_flight=8)
"""

import math
import threading
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from workbench.completing.token_bounds import TokenBounds
from workbench.images.request_images import max_tokens
from workbench.model import Completion, Request
from workbench.project import Price


@dataclass
class Budget:
    """Limits of one invocation; safe to use from any thread.

    Attributes:
        prices: by `provider:name`; a model without a price costs nothing here.
        max_cost: in the project's currency; None: no limit.
        max_calls: calls, retries included; None: no limit.
        max_judge_cost: of judges alone, as judge_budget.py counts them; None: no limit.
        spent: cost of ended calls; calls whose end is unknown count at their worst case.
        reserved: worst-case cost of the calls in flight.
        calls: made so far.
        in_flight: calls that have not ended.
        refused: a retry was refused for lack of budget.
        bounds: the most tokens that calls have been billed for, by `provider:name` and endpoint.
        lock: may be held around several calls that must see the same state.
    """

    prices: Mapping[str, Price] = field(default_factory=dict)
    max_cost: float | None = None
    max_calls: int | None = None
    max_judge_cost: float | None = None
    spent: float = 0.0
    reserved: float = 0.0
    calls: int = 0
    in_flight: int = 0
    refused: bool = False
    bounds: defaultdict[tuple[str, str], TokenBounds] = field(
        default_factory=lambda: defaultdict(TokenBounds)
    )
    lock: AbstractContextManager[bool] = field(default_factory=threading.RLock, repr=False)

    def worst_case(self, model: str, request: Request, endpoint: str = "") -> float | None:
        """Return the most one call can cost beside its model's calls in flight; None: no price."""
        price = self.prices.get(model)
        if price is None:
            return None
        size = max_tokens(request.text)
        with self.lock:
            bounds = self.bounds[model, endpoint]
            input_tokens = bounds.input_tokens(size)
            output_tokens = bounds.output_tokens(request.max_output_tokens)
        return price.most_cost(input_tokens, output_tokens)

    def most_calls(self, model: str, endpoint: str = "") -> float:
        """Return the number of calls that may be in flight to a model; infinite without a limit."""
        price = self.prices.get(model)
        is_free = price is None or not (price.input or price.output)
        if self.max_cost is None or is_free:
            return math.inf
        with self.lock:
            return self.bounds[model, endpoint].most_calls

    def measure(
        self, model: str, request: Request, completion: Completion, endpoint: str = ""
    ) -> None:
        """Learn from the bill of an answer."""
        size = max_tokens(request.text)
        with self.lock:  # other threads read the bounds
            bounds = self.bounds[model, endpoint]
            bounds.replies += completion.usage.output_tokens is not None or completion.scored
            bounds.learn(size, request.max_output_tokens, completion.usage)

    def cost(self, model: str, completion: Completion) -> float | None:
        """Return the cost of a completion; None without a price or token counts."""
        price, usage = self.prices.get(model), completion.usage
        if price is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        return price.cost(usage.input_tokens, usage.output_tokens, usage.cached_tokens or 0)

    def allows(self, worst_case: float | None) -> bool:
        """Return True if a call with this worst case could be made now."""
        with self.lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                return False
            committed = self.spent + self.reserved + (worst_case or 0.0)
            return self.max_cost is None or committed <= self.max_cost

    def reserve(self, worst_case: float | None) -> bool:
        """Reserve and count a call; False if the budget does not allow it now."""
        with self.lock:
            if not self.allows(worst_case):
                return False
            self.calls += 1
            self.in_flight += 1
            self.reserved += worst_case or 0.0
            return True

    def release(self, worst_case: float | None) -> None:
        """Undo the reservation of a call that was not made."""
        with self.lock:
            self.calls -= 1
            self.in_flight -= 1
            self.reserved -= worst_case or 0.0

    def settle(self, worst_case: float | None, cost: float | None) -> None:
        """End a call and turn its reservation into its cost; None: all that was reserved."""
        with self.lock:
            self.in_flight -= 1
            self.reserved -= worst_case or 0.0
            self.spent += (worst_case or 0.0) if cost is None else cost

    def count_retry(self) -> bool:
        """Count another call in place of one that cost nothing; False at the limit of calls."""
        with self.lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                return False
            self.calls += 1
            return True

    def charge_lost_call(self, worst_case: float | None) -> bool:
        """Charge a lost call at its worst case; True if a retry is still reserved for."""
        with self.lock:
            self.spent += worst_case or 0.0
            if self.max_cost is None or self.spent + self.reserved <= self.max_cost:
                return True
            self.reserved -= worst_case or 0.0
            self.in_flight -= 1
            return False

    def exhausted(self, worst_case: float | None) -> bool:
        """Return True if the call can't be made, and no call in flight could free budget."""
        with self.lock:
            return not self.allows(worst_case) and not self.in_flight

    def unaffordable(self, worst_case: float | None) -> bool:
        """Return True if the call can't be made even if all calls in flight cost nothing."""
        with self.lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                return True
            return self.max_cost is not None and self.spent + (worst_case or 0.0) > self.max_cost
