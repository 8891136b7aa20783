"""The threads that call the models, and the one that stores their completions.

Every model behind a network has a thread of its own; local models run one after another in one
more. A single thread writes: it takes all completions that have arrived, stores them in one
commit, and only then counts them.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from workbench.completing.context import Round, Rounds, RunContext
from workbench.completing.dispatch import Groups, ModelQueue, model_queues
from workbench.completing.token_bounds import learn_stored_bills
from workbench.errors import ExitCode, WorkbenchError
from workbench.experiment import OpenModel
from workbench.model import Completion, FailedCall, Request
from workbench.plan import Plan, interleave, shuffled_rows

PAUSE_S = 0.1  # between two looks at other processes and at the budget
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
    """

    sent: int = 0
    failed: int = 0
    unusable: int = 0
    answered_elsewhere: int = 0
    attempts: int = 0
    model_errors: list[WorkbenchError] = field(default_factory=list)
    exhausted: bool = False

    def count(self, completions: Sequence[Completion]) -> None:
        """Add completions of requests that were sent."""
        self.sent += len(completions)
        self.failed += sum(completion.state == "failed" for completion in completions)
        self.unusable += sum(not completion.scored for completion in completions)
        self.attempts += sum(completion.attempts for completion in completions)


def complete(
    plan: Plan,
    context: RunContext,
    *,
    receive: Receive | None = None,
    begin: Callable[[], None] | None = None,
    rounds: Rounds | None = None,
) -> Outcome:
    """Send the plan's requests, store each completion, then pass it on.

    `begin` is called when all checks have passed, `receive` with completions that are durable or
    have failed for good; `rounds` is asked for the next round when one is stored, None: all are
    sent at once. The caller holds a session of the store's leases.

    Raises:
        WorkbenchError: a model can't be called at all (before anything is sent), or the store
            can't be written.
        Exception: a fault of ours or of a plug-in, after the other models' answers are stored.
    """
    _check(plan, context)
    if begin:
        begin()
    sender = _Sender(context, receive)
    context.progress.begin(plan.to_send)
    # In the order of the rounds, so that an interrupted one has answered a random sample.
    rows = shuffled_rows(plan) if rounds else range(plan.rows)
    try:
        for round_requests in rounds(plan) if rounds else [plan.requests]:
            groups = _by_model(plan, round_requests, rows)
            sender.send_all(model_queues(plan, context, groups))
            if context.stop.requested or sender.outcome.exhausted:
                break
    finally:
        context.stop.requested = True
        context.progress.end()
    sender.outcome.exhausted |= context.budget.refused
    return sender.outcome


def _check(plan: Plan, context: RunContext) -> None:
    used = [v.model for v, requests in zip(plan.variants, plan.requests, strict=True) if requests]
    for model in {model.model.label: model for model in used}.values():
        model.provider.check_ready()
    if plan.to_send:
        context.store.check()
        if context.budget.max_cost is not None:
            learn_stored_bills(context.budget.bounds, plan, context.store)
        context.store.reserve_space(request for requests in plan.requests for request in requests)


def _by_model(plan: Plan, round_requests: Round, rows: Sequence[int]) -> Groups:
    """Group the requests of all variants by model, so that each model is opened once.

    An API gets them row by row, in the order of `rows`. A local model gets variant after variant:
    its batches share the beginning of a prompt.
    """
    groups: dict[str, tuple[OpenModel, list[Request]]] = {}
    for variant, requests in zip(plan.variants, round_requests, strict=True):
        _, all_requests = groups.setdefault(variant.model.model.label, (variant.model, []))
        all_requests.extend(requests)
    return [
        (model, interleave(plan, requests, rows) if model.provider.concurrent else requests)
        for model, requests in groups.values()
        if requests
    ]


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
class _Sender:
    """The threads that call models, and the queue they fill."""

    context: RunContext
    receive: Receive | None
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
        for group in groups:
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
        self.outcome.count(completions)
        elsewhere = [key for arrival in batch for key in arrival.answered_elsewhere]
        self.outcome.answered_elsewhere += len(elsewhere)
        self.context.progress.advance(len(answers) + len(elsewhere), len(failures))
        if self.receive:
            self.receive([*completions, *store.completions(elsewhere).values()])

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
        """Serve the models of a group one after another; runs in a thread of its own."""
        try:
            for model_queue in group:
                try:
                    self._serve(model_queue)
                except WorkbenchError as error:
                    if error.exit_code == ExitCode.STORAGE:
                        raise
                    self.outcome.model_errors.append(error)
                    self._ended_models.add(model_queue.model.model.label)
        except BaseException as error:  # a fault of ours or of a plug-in: raised in the main thread
            self._arrivals.put(error)
        finally:
            self._arrivals.put(None)

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
                return
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
            for completion in model_queue.model.provider.complete(model_queue.requests()):
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
