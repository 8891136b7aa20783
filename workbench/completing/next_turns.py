"""The later turns of conversations: each is sent when the turn before it is answered.

    turns.begin([request of r1/1, request of r1/2])    the first one can be sent now
    turns.receive([completion of r1/1])                the second one, with the answer in its prompt

A turn that got no answer ends its conversation: the turns after it fail without being sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from workbench.completing.follow_ups import Follower
from workbench.model import Completion, Request
from workbench.plan import Plan, Variant
from workbench.prompt.later_turns import FOLLOWS, earlier_keys, with_answers
from workbench.prompt.requests import CompletionReader
from workbench.store import Store
from workbench.store.ratings import answer_digest

_GONE = Completion("", "failed", error="it is not stored any more")


@dataclass
class Continued:
    """Turns whose earlier turns are answered, or can't be.

    Attributes:
        requests: to send, each with its model.
        unaskable: failures of the requests that can't be sent.
    """

    requests: list[Follower] = field(default_factory=list)
    unaskable: list[Completion] = field(default_factory=list)


class NextTurns:
    """The later turns among the requests of one plan."""

    def __init__(self, plan: Plan, store: Store) -> None:
        self._plan, self._store = plan, store
        self._later: dict[str, tuple[Variant, Request]] = {}
        self._unanswered: set[str] = set()
        self._waiting: dict[str, list[str]] = {}  # by the key of the turn before
        self._failed: dict[str, Completion] = {}
        if plan.experiment.dataset.later_turns:
            for variant, requests in zip(plan.variants, plan.requests, strict=True):
                later = (request for request in requests if FOLLOWS in request.key_fields)
                self._later |= {request.key: (variant, request) for request in later}
                self._unanswered.update(request.key for request in requests)

    def begin(self, requests: Sequence[Request]) -> tuple[list[Request], list[Completion]]:
        """Return those that can be sent now, and failures; the others wait for an answer."""
        if not self._later:
            return list(requests), []
        ready = [request for request in requests if request.key not in self._later]
        resumed: list[str] = []
        for key in (request.key for request in requests if request.key in self._later):
            before = earlier_keys(self._later[key][1])[-1]
            if before in self._unanswered:
                self._waiting.setdefault(before, []).append(key)
            else:
                resumed.append(key)
        continued = self._continue(resumed)
        ready += [request for _, request in continued.requests]
        return ready, continued.unaskable

    def model_of(self, key: str) -> str:
        """`provider:name` of the model that a later turn would be sent to."""
        return self._later[key][0].model.model.ref

    def receive(self, completions: Iterable[Completion]) -> Continued:
        """Take completions that are durable or have failed for good; return what follows."""
        following: list[str] = []
        for completion in completions if self._later else ():
            self._unanswered.discard(completion.key)
            if completion.state == "failed":
                self._failed[completion.key] = completion
            following += self._waiting.pop(completion.key, ())
        return self._continue(following)

    def _continue(self, keys: Sequence[str]) -> Continued:
        continued = Continued()
        if not keys:
            return continued
        requests = [self._later[key] for key in keys]
        earlier = {key for _, request in requests for key in earlier_keys(request)}
        stored = self._store.completions(earlier) | {
            key: self._failed[key] for key in earlier & self._failed.keys()
        }
        for variant, request in requests:
            answers: dict[str, str] = {}
            error = ""
            for turn, key in enumerate(earlier_keys(request), 1):
                answer = self._read(variant, stored[key]) if key in stored else _GONE
                answers[key] = answer.text
                if not answer.scored and not error:
                    error = f"turn {turn} got no answer: {answer.error or answer.state}"
                elif answer.tool_calls and not error:
                    error = f"turn {turn} is a call of a tool, which has no result"
            if error:
                failed = Completion(request.key, "failed", error=error, attempts=0)
                continued.unaskable.append(failed)
            else:
                digests = {key: answer_digest(stored[key]) for key in answers}
                sent = with_answers(request, answers, digests)
                continued.requests.append((variant.model, sent))
                if isinstance(self._plan.bodies, dict):  # as records show it
                    self._plan.bodies[sent.key] = sent
        if continued.unaskable:
            after = self.receive(continued.unaskable)
            continued.unaskable += after.unaskable
        return continued

    def _read(self, variant: Variant, completion: Completion) -> Completion:
        """The answer as its evaluators get it."""
        reader = CompletionReader(variant.model.model, variant.prompt.settings.normalize)
        answer = reader.read(completion, self._plan.bodies[completion.key].text)
        return replace(answer, text=self._store.redactor.redact(answer.text))
