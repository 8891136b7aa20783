"""Shared state of one invocation: project, store, stop, budget, progress."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from workbench.completing.budget import Budget
from workbench.completing.follow_ups import FollowUps
from workbench.completing.judge_budget import JudgeBudget
from workbench.model import Request
from workbench.plan import Plan
from workbench.project import Project
from workbench.prompt import Renderer
from workbench.store import Store


@dataclass
class Stop:
    """A stop request, shared by all threads: graceful at first, immediate when repeated.

    Attributes:
        requested: nothing new may begin.
        signal: the signal that asked for it; 0: none did.
        immediate: the signal came twice.
        drain_s: seconds that calls in flight have to end.
    """

    requested: bool = False
    signal: int = 0
    immediate: bool = False
    drain_s: float = 60.0
    _signalled_at: float = 0.0

    def request(self, signal: int) -> None:
        """Ask for a graceful end; a second time, for an immediate one."""
        self.immediate = self.requested and bool(self.signal)
        self.signal = self.signal or signal
        self._signalled_at = self._signalled_at or time.monotonic()
        self.requested = True

    @property
    def overdue(self) -> bool:
        """True once calls in flight are no longer waited for."""
        if self.immediate:
            return True
        return bool(self.signal) and time.monotonic() - self._signalled_at > self.drain_s


class Progress:
    """Progress callbacks. The base class ignores them."""

    def begin(self, total: int) -> None:
        """`total` requests are about to be sent."""

    def advance(self, done: int, failed: int) -> None:
        """`done` more requests are durable or have failed for good; `failed` of them failed."""

    def spare(self, count: int) -> None:
        """`count` requests need not be sent after all."""

    def wait(self, reason: str) -> None:
        """Requests wait until a server is ready."""

    def extend(self, count: int) -> None:
        """`count` more requests follow from answers."""
        self.spare(-count)

    def end(self) -> None:
        """No more requests will be sent."""

    def note(self, text: str) -> None:
        """A line of text for the user."""


Round = Sequence[Sequence[Request]]  # per variant: the requests sent before the next round
Rounds = Callable[[Plan], Iterable[Round]]


@dataclass(frozen=True)
class RunContext:
    """Everything the steps of one invocation share.

    Attributes:
        stop: set when the invocation should end.
        budget: limits on calls and cost.
        judge_budget: those on judges alone; None: there are none.
        follow_ups: requests that follow from answers.
        renderer: of the prompts that ask judges; None: they aren't asked.
    """

    project: Project
    store: Store
    progress: Progress = field(default_factory=Progress)
    stop: Stop = field(default_factory=Stop)
    budget: Budget = field(default_factory=Budget)
    judge_budget: JudgeBudget | None = None
    follow_ups: FollowUps = field(default_factory=FollowUps)
    renderer: Renderer | None = None

    def budget_of(self, request: Request) -> Budget | JudgeBudget:
        """The budget that pays for a request."""
        return self.judge_budget or self.budget if request.purpose == "judge" else self.budget

    def interrupted(self) -> bool:
        """Return True once a signal has asked the invocation to end."""
        return bool(self.stop.signal)
