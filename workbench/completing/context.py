"""Where the sending happens: what limits it, who is told of it, and in which rounds it goes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from workbench.completing.budget import Budget
from workbench.completing.dispatch import Stop
from workbench.model import Completion, Request
from workbench.plan import Plan
from workbench.store import Store


class Progress:
    """Who is told how far it is; this one shows nobody."""

    def begin(self, total: int) -> None:
        """`total` requests are about to be sent."""

    def advance(self, done: int, failed: int) -> None:
        """`done` more are durable, or have failed for good; `failed` of them have."""

    def spare(self, count: int) -> None:
        """So many of them need not be sent after all."""

    def end(self) -> None:
        """No more will come."""

    def note(self, text: str) -> None:
        """What is done next."""


class Listener:
    """Who is told of the answers; this one reads them in the store."""

    def begun(self) -> None:
        """Everything is checked; the first requests are about to be sent, if there are any."""

    def answered(self, completions: Sequence[Completion]) -> None:
        """These are durable, or have failed for good; the thread that keeps answers waits."""


Round = Sequence[Sequence[Request]]  # of each variant, what is sent before the next round


def all_at_once(plan: Plan) -> Iterable[Round]:
    """All that a plan has to send, in one round."""
    return [plan.requests]


@dataclass(frozen=True)
class Site:
    """Where the sending happens, what limits it, and who listens.

    Attributes:
        rounds: of a plan, what is sent together; the next is asked for when all of one is kept.
    """

    store: Store
    progress: Progress
    stop: Stop = field(default_factory=Stop)
    budget: Budget = field(default_factory=Budget)
    listener: Listener = field(default_factory=Listener)
    rounds: Callable[[Plan], Iterable[Round]] = all_at_once
