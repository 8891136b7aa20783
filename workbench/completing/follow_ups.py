"""Requests that follow from answers, on their way to the threads that send them.

    follow_ups.add([(judge, request)])     from the thread that scores, while others are answered
    follow_ups.settle(12)                  12 answers are read, and what follows from them is added

A run ends once no request is unsettled: each counts from the moment it is queued until its answer
has been read by whoever adds what follows from it.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from workbench.experiment import OpenModel
from workbench.model import Request

Follower = tuple[OpenModel, Request]


class Queue(Protocol):
    """The queue of one model, as in dispatch.py."""

    model: OpenModel
    waiting: deque[Request]
    leased_elsewhere: dict[str, Request]
    is_closed: bool


class FollowUps:
    """The follow-up requests of one invocation; threads share it.

    Args:
        models: that may get any; without one, nothing follows.
        on_added: called with the number of requests to judges that are queued; others are planned.
    """

    def __init__(
        self, models: Sequence[OpenModel] = (), on_added: Callable[[int], None] = lambda _: None
    ) -> None:
        self._on_added = on_added
        self.models = list({model.model.label: model for model in models}.values())
        self._lock = threading.Lock()
        self._queues: Mapping[str, Queue] | None = None  # not yet
        self._early: list[Follower] = []  # that came before the queues
        self._unsettled = 0
        self._is_closed = False

    @property
    def open(self) -> bool:
        """True while a request may follow."""
        return bool(self.models) and self._unsettled > 0 and not self._is_closed

    def connect(self, queues: Sequence[Queue]) -> None:
        """Take the queues of a round; their requests are unsettled."""
        with self._lock:
            self._queues = {queue.model.model.label: queue for queue in queues}
            self._unsettled += sum(len(queue.waiting) for queue in queues)
            early, self._early = self._early, []
            for model, request in early:
                self._queues[model.model.label].waiting.append(request)

    def expect(self, count: int = 1) -> None:
        """Count answers that are still to be read, beside those of queued requests."""
        with self._lock:
            self._unsettled += count

    def settle(self, count: int = 1) -> None:
        """Count answers that were read, or requests that are given up."""
        with self._lock:
            self._unsettled -= count

    def add(self, followers: Iterable[Follower]) -> list[Request]:
        """Queue requests, also before `connect`; return those whose model takes no more."""
        dropped: list[Request] = []
        added = 0
        with self._lock:
            for model, request in followers:
                queue = (self._queues or {}).get(model.model.label)
                if self._queues is None:
                    self._early.append((model, request))
                elif queue is None or queue.is_closed or self._is_closed:
                    dropped.append(request)
                    continue
                else:
                    queue.waiting.append(request)
                self._unsettled += 1
                added += request.purpose == "judge"
        if added:
            self._on_added(added)
        return dropped

    def close_queue(self, queue: Queue, *, judges_only: bool = False) -> None:
        """Give up a queue, or its requests to a judge: it takes no more that follow."""
        with self._lock:
            waiting, elsewhere = list(queue.waiting), dict(queue.leased_elsewhere)
            queue.waiting.clear()
            queue.leased_elsewhere.clear()
            if judges_only:
                queue.waiting.extend(r for r in waiting if r.purpose != "judge")
                queue.leased_elsewhere.update(elsewhere)
            queue.is_closed = True
            left = len(waiting) + len(elsewhere)
            self._unsettled -= left - len(queue.waiting) - len(queue.leased_elsewhere)

    def close(self) -> None:
        """Take no more: whoever reads the answers has ended."""
        self._is_closed = True
