"""Shared state of one invocation: project, store, stop, budget, progress."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from workbench.completing.budget import Budget
from workbench.completing.stop import Stop
from workbench.model import Completion, Request
from workbench.plan import Plan
from workbench.project import Project
from workbench.store import Store


class Progress:
    """Progress callbacks. The base class ignores them."""

    def begin(self, total: int) -> None:
        """`total` requests are about to be sent."""

    def advance(self, done: int, failed: int) -> None:
        """`done` more requests are durable or have failed for good; `failed` of them failed."""

    def spare(self, count: int) -> None:
        """`count` requests need not be sent after all."""

    def end(self) -> None:
        """No more requests will be sent."""

    def note(self, text: str) -> None:
        """A line of text for the user."""


class CompletionListener:
    """Receives completions as they become durable. The base class ignores them."""

    def begin(self) -> None:
        """All checks have passed; the first requests, if any, are about to be sent."""

    def receive(self, completions: Sequence[Completion]) -> None:
        """Completions that are durable or have failed for good; the writing thread waits."""


Round = Sequence[Sequence[Request]]  # per variant: the requests sent before the next round
Rounds = Callable[[Plan], Iterable[Round]]


def single_round(plan: Plan) -> Iterable[Round]:
    """Everything a plan has to send, in one round."""
    return [plan.requests]


@dataclass(frozen=True)
class RunContext:
    """Everything the steps of one invocation share.

    Attributes:
        stop: set when the invocation should end.
        budget: limits on calls and cost.
    """

    project: Project
    store: Store
    progress: Progress = field(default_factory=Progress)
    stop: Stop = field(default_factory=Stop)
    budget: Budget = field(default_factory=Budget)

    def interrupted(self) -> bool:
        """Return True once a signal has asked the invocation to end."""
        return bool(self.stop.signal)
