"""A model, what is asked of it, and what it answered.

    Model("openai", "gpt-4o-mini")  -- prepare -->  Request(key, text)  -- complete -->  Completion

A provider reaches one family of models. It is found by name in the entry-point group
`workbench.providers`, the built-in ones too, so a plug-in has nothing to do differently:

    [project.entry-points."workbench.providers"]
    openai = "workbench.providers.openai:OpenAIProvider"
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Literal, Protocol

from workbench.canonical import JSON, ordered_json
from workbench.conversation import Conversation
from workbench.errors import WorkbenchError, unknown_name

ENTRY_POINT_GROUP = "workbench.providers"
MODEL_KEYS = ("as", "parameters")  # settings of a model that are not its provider's

State = Literal[
    "ok", "truncated", "refused", "filtered", "empty_output", "invalid_response", "failed"
]
SCORED_STATES: frozenset[State] = frozenset({"ok", "truncated", "refused"})

# How far an equal request may give another answer. `fixed`: never (greedy, on this machine).
# `greedy`: hardly, so equal rows share one answer, repeats don't. `sampled`: every time.
Sampling = Literal["fixed", "greedy", "sampled"]


@dataclass(frozen=True)
class Model:
    """One model with its settings; `label` is how tables and runs call it.

    Attributes:
        settings: the provider's own (base_url, dtype, …), checked by the provider.
        parameters: what every request to this model carries unless a prompt or the grid says more.
    """

    provider: str
    name: str
    label: str = ""
    settings: Mapping[str, JSON] = field(default_factory=dict)
    parameters: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """`provider:name`, as in the experiment file."""
        return f"{self.provider}:{self.name}"


@dataclass(frozen=True)
class PromptCall:
    """What a prompt and its parameters ask of a model.

    Attributes:
        parameters: effective ones, by their names in the OpenAI API; no None among them.
        choices: the only answers wanted, in order; empty for free text.
        response_schema: a JSON schema the answer must follow; None for free text.
    """

    conversation: Conversation
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    response_schema: Mapping[str, JSON] | None = None


@dataclass(frozen=True)
class PreparedCall:
    """The exact body that a call becomes at one provider, before it is given a key.

    Attributes:
        body: JSON; everything that decides the answer and is not in the provider's identity.
        choice_method: how `choices` are answered (`loglikelihood`, `schema`, `guided`, `text`);
            empty where there are none. It stands in the key and among the run's params.
    """

    body: Mapping[str, JSON]
    sampling: Sampling
    choice_method: str = ""


@dataclass(frozen=True)
class FailedCall:
    """A call that brought no answer.

    Attributes:
        outcome: `refused`: nothing was done and nothing is billed (no connection, 429, 503, 529,
            a 4xx); `possibly_billed`: a complete 5xx came back; `unknown`: the reply was lost.
        reason: what happened, for people.
    """

    outcome: Literal["refused", "possibly_billed", "unknown"]
    reason: str


class Permit(Protocol):
    """What a provider asks before it calls a second time; all three may come from any thread."""

    def should_stop(self) -> bool:
        """Whether the run is ending: no call is begun any more, and no wait is sat out."""
        ...

    def record_failure(self, failed_call: FailedCall) -> None:
        """Notes that a call has ended without an answer; said of the last one, too."""
        ...

    def allow_retry(self) -> bool:
        """Whether another call may be made for the request; True commits to making it."""
        ...


class UnlimitedPermit:
    """Permits everything and notes nothing."""

    def should_stop(self) -> bool:
        """Never."""
        return False

    def record_failure(self, failed_call: FailedCall) -> None:
        """Forgets it."""

    def allow_retry(self) -> bool:
        """Always."""
        return True


@dataclass(frozen=True, slots=True)
class Request:
    """One body to send, known by the digest of everything that decides its answer.

    Attributes:
        text: the body as JSON in ASCII, to the byte what an API is sent; a lone surrogate can be
            sent so, and the keys are in the order they were given in.
        max_output_tokens: no answer has more; None: nothing limits it.
        key_fields: what enters the key besides the body, to explain why two keys differ.
        permit: asked before a second call; the first is permitted by pulling the request.
    """

    key: str
    text: str
    prefill: str = ""
    max_output_tokens: int | None = None
    key_fields: Mapping[str, JSON] = field(default_factory=dict)
    permit: Permit = field(default=UnlimitedPermit(), compare=False, repr=False)

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, JSON], prefill: str = "") -> "Request":
        """The request whose body is this data."""
        return cls(key, ordered_json(body), prefill)

    @property
    def body(self) -> dict[str, JSON]:
        """The body as data, read anew each time: a request is kept as its text."""
        found: dict[str, JSON] = json.loads(self.text)
        return found

    @property
    def size(self) -> int:
        """Bytes of the body as JSON in UTF-8; the tokens in it are hardly ever more."""
        if "\\u" not in self.text:
            return len(self.text)
        return len(json.dumps(self.body, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them; None where it did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True)
class Completion:
    """An answer, or why there is none.

    Attributes:
        text: the answer without the prefill.
        state: `failed` means no reply that could be kept; the others are kept as they came.
        latency_s: seconds from sending to the last byte; for a batch, the batch's share of a row.
        choice_scores: log-likelihood of each choice, where that is how the answer was found.
        raw: the reply's body as text, or None where the provider has no such thing.
        model: the model's name as the reply gave it, empty where it gave none.
        attempts: HTTP calls made for it; 1 for a local model.
        stored: it came from the store; nothing was sent for it in this invocation.
    """

    key: str
    state: State
    text: str = ""
    prefill: str = ""
    error: str = ""
    finish_reason: str = ""
    usage: Usage = Usage()
    latency_s: float | None = None
    choice_scores: Mapping[str, float] | None = None
    raw: str | None = None
    model: str = ""
    attempts: int = 1
    stored: bool = False

    @property
    def full_text(self) -> str:
        """The whole assistant turn: the prefill and the answer that continues it."""
        return self.prefill + self.text

    @property
    def scored(self) -> bool:
        """Whether evaluators see it."""
        return self.state in SCORED_STATES


class Provider(Protocol):
    """Code that reaches a family of models, batch first.

    Making one is cheap: it checks the settings and that the model can be found, and imports or
    loads nothing heavy, because planning makes every provider of an experiment.
    """

    concurrent: bool
    """Whether it waits for others (an API) and may run beside other providers, or works on this
    machine's own processors and runs alone."""

    billed: bool
    """Whether somebody may be paid for its answers."""

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None: ...

    @property
    def identity(self) -> Mapping[str, JSON]:
        """What decides an answer beside the body: address, or weights, dtype, engine. JSON."""
        ...

    @property
    def facts(self) -> Mapping[str, JSON]:
        """What a record should say beside the identity, and no key holds (batch size, …). JSON."""
        ...

    def prepare(self, call: PromptCall) -> PreparedCall:
        """The body for `call`.

        Raises:
            WorkbenchError: this model can't do what the call asks (a prefill, a schema, …).
        """
        ...

    def count_tokens(self, body: Mapping[str, JSON]) -> int | None:
        """Input tokens of a body, exact; None where only the server could tell."""
        ...

    def check_ready(self) -> None:
        """Returns if requests could be sent now; called before the first one of any model is.

        Raises:
            WorkbenchError: a key or the weights are missing.
        """
        ...

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """One completion per request, in any order, as they come.

        Pull a request only when it is about to be sent: pulling commits to sending it. When
        `requests` ends, finish the calls in flight; when the result is closed, cancel them. A
        failed request is a Completion with a state. Yield what was received before raising.
        Report each failed call with `permit.record_failure`, and send a request again only if
        `permit.allow_retry` returns True.

        Raises:
            WorkbenchError: what no request can survive: a rejected key, an unknown model.
        """
        ...


def open_provider(model: Model, *, where: str = "") -> Provider:
    """The provider of `model`, its settings checked.

    Raises:
        WorkbenchError: no such provider, or settings it doesn't take.
    """
    found = entry_points(group=ENTRY_POINT_GROUP)
    matches = [entry for entry in found if entry.name == model.provider]
    if not matches:
        raise unknown_name("provider", model.provider, found.names, where=where)
    try:
        provider: Provider = matches[0].load()(model.name, model.settings)
    except WorkbenchError as error:
        error.where = error.where or where
        raise
    except ImportError as error:
        raise WorkbenchError(
            f"provider {model.provider!r} can't be imported: {error}",
            where=where,
            fix="install its extra, for local models: pip install 'prompt-workbench[local]'",
        ) from error
    return provider
