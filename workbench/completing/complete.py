"""The threads that ask the models, and the one that keeps their answers.

Every model that waits for others runs in a thread of its own; those that work on this machine's
processors run one after another in one more. One thread writes: it takes all that has arrived,
keeps it in one commit, and only then counts it.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from workbench.completing.context import Round, Site
from workbench.completing.dispatch import ModelQueue, Terms
from workbench.errors import ExitCode, WorkbenchError
from workbench.experiment import OpenModel
from workbench.model import Completion, FailedCall, Request
from workbench.plan import Plan

PAUSE = 0.1  # seconds between looks at what other processes and other models do
LOOK = 0.2  # seconds in which a wish to end at once is noticed


@dataclass
class Outcome:
    """What came of sending; the answers themselves stand in the store.

    Attributes:
        sent: requests sent in this invocation.
        failed: of them, those without any reply.
        useless: of them, those without an answer that can be scored, the failed with it.
        elsewhere: requests that another process has sent and kept meanwhile.
        attempts: calls made for the sent, retries counted.
        stops: what ended a model before its requests did.
        exhausted: whether the budget did.
    """

    sent: int = 0
    failed: int = 0
    useless: int = 0
    elsewhere: int = 0
    attempts: int = 0
    stops: list[WorkbenchError] = field(default_factory=list)
    exhausted: bool = False


def complete(plan: Plan, site: Site) -> Outcome:
    """Sends the plan's requests and keeps each answer, then tells of it.

    The caller holds a session of the store's ledger.

    Raises:
        WorkbenchError: a model can't be asked at all (before anything is sent), or the store
            can't be written.
        Exception: a fault of ours or a plug-in's, after what the other models answer is kept.
    """
    work = _by_model(plan, plan.requests)
    for model, _ in work:
        model.provider.check_ready()
    if work:
        site.store.check()
        site.store.take_room(request for _, requests in work for request in requests)
    terms = Terms(site.store, site.budget, site.stop, plan.anew)
    sending = _Sending(site)
    site.listener.begun()
    site.progress.begin(plan.to_send)
    try:
        for requests in site.rounds(plan):
            work = _by_model(plan, requests)
            sending.all([ModelQueue(model, terms, deque(own)) for model, own in work])
            if site.stop.wanted or sending.outcome.exhausted:
                break
    finally:
        site.stop.wanted = True
        site.progress.end()
    sending.outcome.exhausted |= site.budget.refused
    return sending.outcome


def _by_model(plan: Plan, asked: Round) -> list[tuple[OpenModel, list[Request]]]:
    """Each model with the requests of all its variants, so that it is opened once."""
    found: dict[str, tuple[OpenModel, list[Request]]] = {}
    for variant, requests in zip(plan.variants, asked, strict=True):
        _, all_requests = found.setdefault(variant.model.model.label, (variant.model, []))
        all_requests.extend(requests)
    return [(model, requests) for model, requests in found.values() if requests]


@dataclass(frozen=True)
class _Arrival:
    """An answer with the request it is for; or keys that another process has answered."""

    hand: ModelQueue
    request: Request | None = None
    completion: Completion | None = None
    elsewhere: frozenset[str] = frozenset()


@dataclass
class _Sending:
    """The threads that ask models, and the queue they fill."""

    site: Site
    outcome: Outcome = field(default_factory=Outcome)
    fault: BaseException | None = None
    _ended: set[str] = field(default_factory=set)  # models that no request can be sent to
    _arrived: "queue.SimpleQueue[_Arrival | BaseException | None]" = field(
        default_factory=queue.SimpleQueue
    )

    def all(self, hands: Sequence[ModelQueue]) -> None:
        """Until every completion that came is kept and counted."""
        going = [hand for hand in hands if hand.model.model.label not in self._ended]
        apart = [[hand] for hand in going if hand.model.provider.concurrent]
        alone = [hand for hand in going if not hand.model.provider.concurrent]
        groups = [*apart, alone] if alone else apart
        for group in groups:
            threading.Thread(target=self._ask, args=(group,), daemon=True).start()
        running = len(groups)
        while running and not self.site.stop.overdue:
            batch, ended = self._take()
            running -= ended
            self._keep(batch)
        self._keep(self._take(0.0)[0])  # what arrived while the last was kept
        if self.fault:
            raise self.fault

    def _keep(self, batch: Sequence[_Arrival]) -> None:
        """Makes what has arrived durable, then counts it and tells of it."""
        store = self.site.store
        answers = [(a.request, a.completion) for a in batch if a.request and a.completion]
        store.keep(pair for pair in answers if pair[1].state != "failed")
        if store.database.full:  # what is under way is still received and kept
            self.fault = self.fault or store.database.full
            self.site.stop.wanted = True
        if not batch:
            return
        failed = [(a.hand, a.completion) for a in batch if a.completion]
        failed = [(hand, one) for hand, one in failed if one.state == "failed"]
        self._fail(failed)
        for arrival in batch:
            if one := arrival.completion:
                cost = self.site.budget.cost(arrival.hand.ref, one)
                arrival.hand.slips.pop(one.key).settle(0.0 if one.state == "failed" else cost)
        self._count([completion for _, completion in answers], len(failed))
        elsewhere = [key for arrival in batch for key in arrival.elsewhere]
        self.outcome.elsewhere += len(elsewhere)
        self.site.progress.advance(len(answers) + len(elsewhere), len(failed))
        self.site.listener.answered(
            [*(one for _, one in answers), *store.completions(elsewhere).values()]
        )

    def _count(self, fresh: Sequence[Completion], failed: int) -> None:
        self.outcome.sent += len(fresh)
        self.outcome.failed += failed
        self.outcome.useless += sum(not one.scored for one in fresh)
        self.outcome.attempts += sum(one.attempts for one in fresh)

    def _fail(self, failed: Sequence[tuple[ModelQueue, Completion]]) -> None:
        """Ends their intents; where a provider did not say what became of a call, nobody knows."""
        for hand, one in failed:
            slip = hand.slips[one.key]
            if slip.under_way and hand.model.provider.billed:
                slip.record_failure(FailedCall("unknown", one.error))
        self.site.store.ledger.release([one.key for _, one in failed])

    def _take(self, patience: float = LOOK) -> tuple[list[_Arrival], int]:
        """All that has arrived, and how many groups have ended; nothing after a while."""
        batch: list[_Arrival] = []
        ended = 0
        try:
            item = self._arrived.get(timeout=patience)
            while True:
                if item is None:
                    ended += 1
                elif isinstance(item, BaseException):  # raised when what is under way is kept
                    self.fault = self.fault or item
                    self.site.stop.wanted = True
                else:
                    batch.append(item)
                item = self._arrived.get_nowait()
        except queue.Empty:
            return batch, ended

    def _ask(self, group: Sequence[ModelQueue]) -> None:
        """A thread's work: the models of a group, one after another."""
        try:
            for hand in group:
                try:
                    self._serve(hand)
                except WorkbenchError as error:
                    if error.exit_code == ExitCode.STORAGE:
                        raise
                    self.outcome.stops.append(error)
                    self._ended.add(hand.model.model.label)
        except BaseException as error:  # a fault of ours or a plug-in's: raised in the main thread
            self._arrived.put(error)
        finally:
            self._arrived.put(None)

    def _serve(self, hand: ModelQueue) -> None:
        """Asks one model until nothing is left of its requests.

        The provider runs dry where the budget is held by calls under way, or where another
        process asks for the same; then it is called again for what has become free.
        """
        while hand.left and not self.site.stop.wanted:
            if hand.affordable():
                self._complete(hand)
            elif hand.exhausted():
                self.outcome.exhausted = True
                return
            else:
                time.sleep(PAUSE)
            if hand.taken and (answered := hand.look()):
                self._arrived.put(_Arrival(hand, elsewhere=frozenset(answered)))

    def _complete(self, hand: ModelQueue) -> None:
        """Hands on what the provider says of each request, and what it left unsaid when it ended.

        Raises:
            WorkbenchError: no other request to this model can fare better.
        """
        try:
            for one in hand.model.provider.complete(hand.requests()):
                self._arrived.put(_Arrival(hand, hand.asked.pop(one.key), self._clean(one)))
        except WorkbenchError as error:
            if error.exit_code != ExitCode.STORAGE:
                for key, request in hand.asked.items():
                    failed = Completion(key, "failed", prefill=request.prefill, error=error.message)
                    self._arrived.put(_Arrival(hand, request, self._clean(failed)))
                hand.asked.clear()
            raise

    def _clean(self, answer: Completion) -> Completion:
        """Without secrets that were echoed, before anybody sees it: kept and fresh are equal."""
        clean = self.site.store.redactor.redact
        return replace(
            answer,
            text=clean(answer.text),
            error=clean(answer.error),
            finish_reason=clean(answer.finish_reason),
            model=clean(answer.model),
            raw=None if answer.raw is None else clean(answer.raw),
        )
