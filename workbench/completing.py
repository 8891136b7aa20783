"""Sending what a plan has to send, and keeping what comes back.

    complete(plan, store, progress)  ->  Outcome(completions by key, what stopped a model)

Every model that waits for others runs in a thread of its own; those that work on this machine's
processors run one after another in one more. One thread writes: it takes all that has arrived,
keeps it in one commit, and only then counts it.
"""

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workbench.errors import WorkbenchError
from workbench.experiment import OpenModel
from workbench.model import Completion, Request
from workbench.plan import Plan
from workbench.store import Store


class Progress(Protocol):
    """Who is told how far it is."""

    def begin(self, total: int) -> None:
        """`total` requests are about to be sent."""

    def advance(self, done: int, failed: int) -> None:
        """`done` more are durable, or have failed for good; `failed` of them have."""

    def end(self) -> None:
        """No more will come."""

    def note(self, text: str) -> None:
        """What is done next."""


@dataclass(frozen=True)
class Outcome:
    """What came of sending.

    Attributes:
        completions: every answer of the plan by key, stored ones and failures with it; keys that
            are missing were not sent.
        sent: requests sent in this invocation.
        attempts: calls made for them, retries counted.
        stops: what ended a model before its requests did.
    """

    completions: Mapping[str, Completion]
    sent: int = 0
    attempts: int = 0
    stops: tuple[WorkbenchError, ...] = ()


@dataclass
class Stop:
    """Set to let what is under way end and to start nothing more.

    Attributes:
        signal: the signal that asked for it; 0: none did.
    """

    wanted: bool = False
    signal: int = 0


def complete(plan: Plan, store: Store, progress: Progress, stop: Stop) -> Outcome:
    """Sends the plan's requests, keeps each answer, and gives back all the plan's answers.

    Raises:
        WorkbenchError: a model can't be asked at all (before anything is sent), or the store
            can't be written.
        Exception: a fault of ours or a plug-in's, after what the other models answer is kept.
    """
    work = _by_model(plan)
    for model, _ in work:
        model.provider.ready()
    sending = _Sending(stop)
    progress.begin(plan.to_send)
    try:
        fresh = sending.all(work, store, progress)
    finally:
        stop.wanted = True
        progress.end()
    planned = {cell.key for cells in plan.cells for cell in cells}
    to_send = {request.key for requests in plan.requests for request in requests}
    kept = store.completions(planned - to_send)
    return Outcome(
        completions={**kept, **fresh},
        sent=len(fresh),
        attempts=sum(completion.attempts for completion in fresh.values()),
        stops=tuple(sending.stops),
    )


def _by_model(plan: Plan) -> list[tuple[OpenModel, list[Request]]]:
    """Each model with the requests of all its variants, so that it is opened once."""
    found: dict[str, tuple[OpenModel, list[Request]]] = {}
    for variant, requests in zip(plan.variants, plan.requests, strict=True):
        _, all_requests = found.setdefault(variant.model.model.label, (variant.model, []))
        all_requests.extend(requests)
    return [(model, requests) for model, requests in found.values() if requests]


@dataclass
class _Sending:
    """The threads that ask models, and the queue they fill."""

    stop: Stop
    stops: list[WorkbenchError] = field(default_factory=list)
    fault: BaseException | None = None
    _arrived: "queue.SimpleQueue[tuple[Request, Completion] | BaseException | None]" = field(
        default_factory=queue.SimpleQueue
    )

    def all(
        self, work: Sequence[tuple[OpenModel, list[Request]]], store: Store, progress: Progress
    ) -> dict[str, Completion]:
        """Every completion that came, kept and counted."""
        apart = [[one] for one in work if one[0].provider.concurrent]
        alone = [one for one in work if not one[0].provider.concurrent]
        groups = [*apart, alone] if alone else apart
        for group in groups:
            threading.Thread(target=self._ask, args=(group,), daemon=True).start()
        fresh: dict[str, Completion] = {}
        running = len(groups)
        while running:
            batch, ended = self._take()
            running -= ended
            store.keep(pair for pair in batch if pair[1].state != "failed")
            fresh.update((completion.key, completion) for _, completion in batch)
            failed = sum(completion.state == "failed" for _, completion in batch)
            progress.advance(len(batch), failed)
        if self.fault:
            raise self.fault
        return fresh

    def _take(self) -> tuple[list[tuple[Request, Completion]], int]:
        """All that has arrived (at least one thing), and how many groups have ended."""
        batch: list[tuple[Request, Completion]] = []
        ended = 0
        item = self._arrived.get()
        while True:
            if item is None:
                ended += 1
            elif isinstance(item, BaseException):  # raised when what is under way is kept
                self.fault = self.fault or item
                self.stop.wanted = True
            else:
                batch.append(item)
            try:
                item = self._arrived.get_nowait()
            except queue.Empty:
                return batch, ended

    def _ask(self, group: Sequence[tuple[OpenModel, list[Request]]]) -> None:
        """A thread's work: the models of a group, one after another."""
        try:
            for model, requests in group:
                if self.stop.wanted:
                    return
                by_key = {request.key: request for request in requests}
                try:
                    for completion in model.provider.complete(self._until_stopped(requests)):
                        self._arrived.put((by_key[completion.key], completion))
                except WorkbenchError as error:
                    self.stops.append(error)
        except BaseException as error:  # a fault of ours or a plug-in's: raised in the main thread
            self._arrived.put(error)
        finally:
            self._arrived.put(None)

    def _until_stopped(self, requests: Sequence[Request]) -> Iterator[Request]:
        for request in requests:
            if self.stop.wanted:
                return
            yield request
