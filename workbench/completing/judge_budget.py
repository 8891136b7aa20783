"""The limit on judges alone, within the limits of the invocation.

budget = JudgeBudget(Budget(prices, max_cost=1.0, max_judge_cost=0.2))
budget.reserve(0.01)     False once judges have used 0.2, or all requests together 1.0
"""

from workbench.completing.budget import Budget


class JudgeBudget:
    """The part of an invocation's budget that pays for judges; safe to use from any thread."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._judges = Budget(budget.prices, budget.max_judge_cost, lock=budget.lock)

    @property
    def refused(self) -> bool:
        """A retry was refused for lack of budget."""
        return self._budget.refused

    @refused.setter
    def refused(self, value: bool) -> None:
        self._budget.refused = value

    @property
    def spent(self) -> float:
        """The cost of ended calls of judges."""
        return self._judges.spent

    def allows(self, worst_case: float | None) -> bool:
        """As `Budget.allows`, by both limits."""
        return self._budget.allows(worst_case) and self._judges.allows(worst_case)

    def reserve(self, worst_case: float | None) -> bool:
        """As `Budget.reserve`, of both."""
        with self._budget.lock:
            if not self.allows(worst_case):
                return False
            return self._budget.reserve(worst_case) and self._judges.reserve(worst_case)

    def release(self, worst_case: float | None) -> None:
        """As `Budget.release`."""
        self._budget.release(worst_case)
        self._judges.release(worst_case)

    def settle(self, worst_case: float | None, cost: float | None) -> None:
        """As `Budget.settle`."""
        self._budget.settle(worst_case, cost)
        self._judges.settle(worst_case, cost)

    def count_retry(self) -> bool:
        """As `Budget.count_retry`."""
        return self._budget.count_retry() and self._judges.count_retry()

    def charge_lost_call(self, worst_case: float | None) -> bool:
        """As `Budget.charge_lost_call`; a retry needs both limits."""
        with self._budget.lock:
            covers_call = self._budget.charge_lost_call(worst_case)
            covers_judge = self._judges.charge_lost_call(worst_case)
            if covers_call and not covers_judge:
                self._budget.settle(worst_case, 0.0)
            elif covers_judge and not covers_call:
                self._judges.settle(worst_case, 0.0)
            return covers_call and covers_judge

    def exhausted(self, worst_case: float | None) -> bool:
        """As `Budget.exhausted`: no call in flight could free what is missing."""
        return self._budget.exhausted(worst_case) or self._judges.exhausted(worst_case)

    def unaffordable(self, worst_case: float | None) -> bool:
        """As `Budget.unaffordable`, by either limit."""
        return self._budget.unaffordable(worst_case) or self._judges.unaffordable(worst_case)
