"""The threads that call the models, and the one that stores their completions.

Every model behind a network has a thread of its own; local models run one after another in one
more. A single thread writes: it takes all completions that have arrived, stores them in one
commit, and only then counts them.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from workbench.completing.context import RunContext
from workbench.completing.dispatch import ModelQueue
from workbench.completing.next_turns import NextTurns
from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion, FailedCall, Request

PAUSE_S = 0.1  # between two looks at other processes and at the budget
IDLE_S = 0.02  # between two looks for requests that follow from answers
POLL_S = 0.2  # within which an immediate stop is noticed
Receive = Callable[[Sequence[Completion]], None]


@dataclass
class Outcome:
    """Counts of what was sent; the completions themselves are in the store.

    Attributes:
        sent: requests sent in this invocation.
        failed: of them, those without any reply.
        unusable: of them, those without an answer that can be scored, failed ones included.
        answered_elsewhere: requests that another process sent and stored meanwhile.
        attempts: calls made for the sent, retries included.
        model_errors: errors that ended a model before all its requests were sent.
        exhausted: the budget ran out.
        verdicts: requests to judges, sent in this invocation; not among the sent.
        unaskable: later turns that were not sent, because an earlier one got no answer.
    """

    sent: int = 0
    failed: int = 0
    unusable: int = 0
    answered_elsewhere: int = 0
    attempts: int = 0
    model_errors: list[WorkbenchError] = field(default_factory=list)
    exhausted: bool = False
    verdicts: int = 0
    unaskable: int = 0

    def count(self, completions: Sequence[Completion]) -> None:
        """Add completions of requests that were sent."""
        self.sent += len(completions)
        self.failed += sum(completion.state == "failed" for completion in completions)
        self.unusable += sum(not completion.scored for completion in completions)
        self.attempts += sum(completion.attempts for completion in completions)


@dataclass(frozen=True)
class _Arrival:
    """A completion with its request, or keys that another process has answered.

    Attributes:
        model_ended: the request failed with its model, so that says nothing about the request.
    """

    queue: ModelQueue
    request: Request | None = None
    completion: Completion | None = None
    answered_elsewhere: frozenset[str] = frozenset()
    model_ended: bool = False


@dataclass
class ModelThreads:
    """The threads that call models, and the queue they fill."""

    context: RunContext
    receive: Receive | None
    turns: NextTurns
    outcome: Outcome = field(default_factory=Outcome)
    fault: BaseException | None = None
    _ended_models: set[str] = field(default_factory=set)  # no request can be sent to these
    _arrivals: "queue.SimpleQueue[_Arrival | BaseException | None]" = field(
        default_factory=queue.SimpleQueue
    )

    def send_all(self, queues: Sequence[ModelQueue]) -> None:
        """Return once every completion that arrived is stored and counted."""
        usable = [queue for queue in queues if queue.model.model.label not in self._ended_models]
        groups = [[queue] for queue in usable if queue.model.provider.concurrent]
        local = [queue for queue in usable if not queue.model.provider.concurrent]
        groups += [local] if local else []
        self.context.follow_ups.connect(usable)
        for group in groups:
            for model_queue in group:
                model_queue.group = group
            threading.Thread(target=self._run_group, args=(group,), daemon=True).start()
        running = len(groups)
        while running and not self.context.stop.overdue:
            batch, ended = self._take()
            running -= ended
            self._store_batch(batch)
        self._store_batch(self._take(0.0)[0])  # arrived while the last batch was being stored
        if self.fault:
            raise self.fault

    def _store_batch(self, batch: Sequence[_Arrival]) -> None:
        """Make the batch durable, then count it and pass it on."""
        store = self.context.store
        answers = [(a.request, a.completion) for a in batch if a.request and a.completion]
        store.save_completions(pair for pair in answers if pair[1].state != "failed")
        if store.database.full_error:  # calls in flight are still received and stored
            self.fault = self.fault or store.database.full_error
            self.context.stop.requested = True
        if not batch:
            return
        failures = [a for a in batch if a.completion and a.completion.state == "failed"]
        self._release(failures)
        for arrival in batch:
            if completion := arrival.completion:
                arrival.queue.settle(completion, arrival.request)
        completions = [completion for _, completion in answers]
        self.outcome.count([c for request, c in answers if request.purpose == "answer"])
        self.outcome.verdicts += sum(request.purpose == "judge" for request, _ in answers)
        elsewhere = [key for arrival in batch for key in arrival.answered_elsewhere]
        self.outcome.answered_elsewhere += len(elsewhere)
        self.context.progress.advance(len(answers) + len(elsewhere), len(failures))
        answered = list(store.completions(elsewhere).values())
        ended = {a.completion.key for a in failures if a.completion and a.model_ended}
        following = self.turns.receive(c for c in [*completions, *answered] if c.key not in ended)
        self.context.follow_ups.add(following.requests)
        if self.receive:
            self.receive([*completions, *answered])
        self.fail_turns(following.unaskable)
        self.context.follow_ups.settle(len(completions) + len(elsewhere))

    def fail_turns(self, unaskable: Sequence[Completion]) -> None:
        """Note and pass on the failures of later turns that can't be sent."""
        if not unaskable:
            return  # nothing is written: the disk may be full
        self.context.store.no_replies.record(
            (failed.key, self.turns.model_of(failed.key), failed.error) for failed in unaskable
        )
        self.outcome.unaskable += len(unaskable)
        self.context.progress.advance(len(unaskable), len(unaskable))
        if self.receive:
            self.receive(unaskable)

    def _release(self, failures: Sequence[_Arrival]) -> None:
        """End the leases of failed requests, and note those that were sent.

        A call whose end the provider did not report counts as possibly billed.
        """
        notes, released = [], []
        for arrival in failures:
            completion, model_queue = arrival.completion, arrival.queue
            assert completion
            lease = model_queue.leases[completion.key]
            if lease.in_flight and model_queue.model.provider.billed:
                lease.record_failure(FailedCall("unknown", completion.error))
            if completion.attempts and not arrival.model_ended:
                notes.append((completion.key, model_queue.ref, completion.error))
            else:
                released.append(completion.key)
        self.context.store.no_replies.record(notes)
        self.context.store.leases.release(released)

    def _take(self, timeout_s: float = POLL_S) -> tuple[list[_Arrival], int]:
        """Return all that has arrived within the time-out, and how many groups have ended."""
        batch: list[_Arrival] = []
        ended = 0
        try:
            arrival = self._arrivals.get(timeout=timeout_s)
            while True:
                if arrival is None:
                    ended += 1
                elif isinstance(arrival, BaseException):  # raised once the rest is stored
                    self.fault = self.fault or arrival
                    self.context.stop.requested = True
                else:
                    batch.append(arrival)
                arrival = self._arrivals.get_nowait()
        except queue.Empty:
            return batch, ended

    def _run_group(self, group: Sequence[ModelQueue]) -> None:
        """Serve the models of a group one after another; runs in a thread of its own.

        They are served again with requests that follow from answers.
        """
        context = self.context
        try:
            for model_queue in group:
                self._serve_or_end(model_queue)
            while context.follow_ups.open and not context.stop.requested:
                if again := next((queue for queue in group if queue.unfinished), None):
                    self._serve_or_end(again)
                else:
                    time.sleep(IDLE_S)
        except BaseException as error:  # a fault of ours or of a plug-in: raised in the main thread
            self._arrivals.put(error)
        finally:
            self._arrivals.put(None)

    def _serve_or_end(self, model_queue: ModelQueue) -> None:
        """Serve a model; if no request to it can succeed, it gets no more."""
        try:
            self._serve(model_queue)
        except WorkbenchError as error:
            if error.exit_code == ExitCode.STORAGE:
                raise
            self.outcome.model_errors.append(error)
            self._ended_models.add(model_queue.model.model.label)
            self.context.follow_ups.close_queue(model_queue)

    def _serve(self, model_queue: ModelQueue) -> None:
        """Call one model until none of its requests is left.

        The provider runs dry where calls in flight hold the rest of the budget, or where another
        process sends the same requests; it is called again for requests that become free.
        """
        while model_queue.unfinished and not self.context.stop.requested:
            if model_queue.affordable():
                self._complete(model_queue)
            elif model_queue.exhausted():
                self.outcome.exhausted = True
                judges_only = model_queue.waiting[0].purpose == "judge"
                self.context.follow_ups.close_queue(model_queue, judges_only=judges_only)
            else:
                time.sleep(PAUSE_S)
            if model_queue.leased_elsewhere and (keys := model_queue.collect_elsewhere()):
                self._arrivals.put(_Arrival(model_queue, answered_elsewhere=frozenset(keys)))

    def _complete(self, model_queue: ModelQueue) -> None:
        """Pass on the provider's completions; requests it left unanswered count as failed.

        Raises:
            WorkbenchError: no other request to this model can succeed.
        """
        try:
            requests = cast("Iterator[Request]", model_queue.requests())  # and None, if it may
            for completion in model_queue.model.provider.complete(requests):
                request = model_queue.pulled.pop(completion.key)
                self._arrivals.put(_Arrival(model_queue, request, self._redacted(completion)))
        except WorkbenchError as error:
            if error.exit_code != ExitCode.STORAGE:
                for key, request in model_queue.pulled.items():
                    failed = Completion(key, "failed", prefill=request.prefill, error=error.message)
                    failed = self._redacted(failed)
                    self._arrivals.put(_Arrival(model_queue, request, failed, model_ended=True))
                model_queue.pulled.clear()
            raise

    def _redacted(self, completion: Completion) -> Completion:
        """Remove secrets that an endpoint echoed, so that stored and fresh completions agree."""
        clean = self.context.store.redactor.redact
        return replace(
            completion,
            text=clean(completion.text),
            error=clean(completion.error),
            finish_reason=clean(completion.finish_reason),
            model=clean(completion.model),
            raw=None if completion.raw is None else clean(completion.raw),
        )
