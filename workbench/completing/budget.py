"""What an invocation may still spend; held before a call is made, settled when it has ended.

budget = Budget(prices, max_cost=1.0)
budget.take(budget.most("openai:gpt-4o-mini", request))     # False: it might go above the limit
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.model import Completion, Request
from workbench.project import Price

UNLIMITED_OUTPUT = 16_384  # tokens held for an answer that nothing limits


@dataclass
class Budget:
    """Limits of one invocation, asked from any thread.

    Attributes:
        prices: by `provider:name`; a model without one costs nothing here.
        max_cost: in the project's currency; None: no limit.
        max_calls: calls, repeated ones too; None: no limit.
        spent: what ended calls have cost, lost ones at the most they may have.
        held: what calls under way may cost.
        calls: made so far.
        under_way: of them, those that have not ended.
        refused: a call that had to be repeated could not be.
    """

    prices: Mapping[str, Price] = field(default_factory=dict)
    max_cost: float | None = None
    max_calls: int | None = None
    spent: float = 0.0
    held: float = 0.0
    calls: int = 0
    under_way: int = 0
    refused: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def most(self, model: str, request: Request) -> float | None:
        """The most a call can cost; None without a price.

        A token of text is at least a byte of it, so the input is never dearer than this. The
        output is where `max_tokens` limits it.
        """
        price = self.prices.get(model)
        if price is None:
            return None
        return price.cost(request.size, request.max_output_tokens or UNLIMITED_OUTPUT)

    def cost(self, model: str, completion: Completion) -> float | None:
        """What an answer has cost; None where a price or its tokens are not known."""
        price, usage = self.prices.get(model), completion.usage
        if price is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        return price.cost(usage.input_tokens, usage.output_tokens)

    def allows(self, most: float | None) -> bool:
        """Whether a call that may cost as much could be made now."""
        with self._lock:
            return self._allows(most or 0.0)

    def take(self, most: float | None) -> bool:
        """Holds what a call may cost and counts the call, or says no."""
        with self._lock:
            if not self._allows(most or 0.0):
                return False
            self.calls += 1
            self.under_way += 1
            self.held += most or 0.0
            return True

    def give_back(self, most: float | None) -> None:
        """For a call that was not made after all."""
        with self._lock:
            self.calls -= 1
            self.under_way -= 1
            self.held -= most or 0.0

    def settle(self, most: float | None, spent: float | None) -> None:
        """Ends a call: what was held is free, what it has cost is spent; None: all of it."""
        with self._lock:
            self.under_way -= 1
            self.held -= most or 0.0
            self.spent += (most or 0.0) if spent is None else spent

    def repeat(self) -> bool:
        """Counts another call in place of one that has cost nothing, or says no."""
        with self._lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                return False
            self.calls += 1
            return True

    def pay(self, most: float | None) -> bool:
        """Ends a call that may be billed as if it were; True: as much is held for another."""
        with self._lock:
            self.spent += most or 0.0
            if self.max_cost is None or self.spent + self.held <= self.max_cost:
                return True
            self.held -= most or 0.0
            self.under_way -= 1
            return False

    def exhausted(self, most: float | None) -> bool:
        """Whether such a call can't be made, however long one waits for others to end."""
        with self._lock:
            return not self._allows(most or 0.0) and not self.under_way

    def beyond(self, most: float | None) -> bool:
        """Whether such a call can't be made, even if all that is under way costs nothing."""
        with self._lock:
            if self.max_calls is not None and self.calls >= self.max_calls:
                return True
            return self.max_cost is not None and self.spent + (most or 0.0) > self.max_cost

    def _allows(self, most: float) -> bool:
        if self.max_calls is not None and self.calls >= self.max_calls:
            return False
        return self.max_cost is None or self.spent + self.held + most <= self.max_cost
