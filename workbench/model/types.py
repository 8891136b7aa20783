"""A model, the requests it gets, and its completions.

Model("openai", "gpt-6-luna")  -- prepare -->  Request(key, text)  -- complete -->  Completion

"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from workbench.canonical import JSON, ordered_json
from workbench.conversation import Conversation
from workbench.errors import NotFoundError
from workbench.images import ImageSources
from workbench.images.request_images import body_size

RECORDED = "recorded"  # the provider of recorded answers
JUDGES = "judges"  # the folder of judges, beside those of tasks
MODEL_KEYS = ("as", "parameters", "reasoning")  # in the experiment file; others are its provider's

ScoredState = Literal["ok", "truncated", "refused"]
State = Literal[ScoredState, "filtered", "empty_output", "invalid_response", "rejected", "failed"]
SCORED_STATES: frozenset[State] = frozenset({"ok", "truncated", "refused"})
UNBILLED_STATES: frozenset[State] = frozenset({"rejected", "failed"})

# How often an equal request gives another answer. `fixed`: never (greedy, on this machine).
# `greedy`: hardly ever, so equal rows share an answer and repeats don't. `sampled`: every time.
Sampling = Literal["fixed", "greedy", "sampled"]
Reasoning = Literal["strip", "keep"]


@dataclass(frozen=True)
class Model:
    """One model with its settings.

    Attributes:
        label: its name in tables and runs.
        settings: for the provider (base_url, dtype, …), and checked by it.
        parameters: of every request, unless a prompt or the grid sets another value.
        reasoning: `strip`: thoughts are no part of an answer; `keep`: they are; or tags of more.
    """

    provider: str
    name: str
    label: str = ""
    settings: Mapping[str, JSON] = field(default_factory=dict)
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    reasoning: Reasoning | list[JSON] = "strip"

    @property
    def ref(self) -> str:
        """`provider:name`, as in the experiment file."""
        return f"{self.provider}:{self.name}"

    @property
    def reading(self) -> dict[str, JSON]:
        """Settings that change how a stored reply is read; empty by default."""
        echo = self.settings.get("prefill_echo", "auto")
        settings = (("reasoning", self.reasoning, "strip"), ("prefill_echo", echo, "auto"))
        return {name: value for name, value, default in settings if value != default}


@dataclass(frozen=True)
class PromptCall:
    """A rendered prompt with its parameters.

    Attributes:
        parameters: the effective ones, by their names in the OpenAI API, without any None.
        choices, response_schema, tools: the only answers, their JSON schema, callable functions.
    """

    conversation: Conversation
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    choices: tuple[str, ...] = ()
    response_schema: Mapping[str, JSON] | None = None
    tools: tuple[Mapping[str, JSON], ...] = ()


@dataclass(frozen=True)
class PreparedCall:
    """The exact body of a prompt call at one provider, before it has a key.

    Attributes:
        body: everything that decides the answer, except for the provider's identity.
        choice_method: how `choices` are answered, as `text`; in the key; empty without choices.
        warnings: likely mistakes in calling this model so, each with its fix.
        is_answerable: False if the model can't answer this call, although it answers others.
    """

    body: Mapping[str, JSON]
    sampling: Sampling
    choice_method: str = ""
    warnings: tuple[str, ...] = ()
    is_answerable: bool = True


class UnanswerableError(NotFoundError):
    """The error for a call that a model can't answer, although it answers others.

    Attributes:
        prepared: the call; its body has a key, for plans that only read what is stored.
    """

    def __init__(self, message: str, prepared: PreparedCall, *, fix: str) -> None:
        super().__init__(message, fix=fix)
        self.prepared = replace(prepared, is_answerable=False)


@dataclass(frozen=True)
class FailedCall:
    """A call that brought no completion.

    Attributes:
        outcome: `refused`: nothing was done and nothing is billed (no connection, 429, 503, 529,
            a 4xx); `possibly_billed`: a complete 5xx came back; `unknown`: the reply was lost.
        reason, waiting: messages for the user; `waiting`: the call is repeated for minutes.
    """

    outcome: Literal["refused", "possibly_billed", "unknown"]
    reason: str
    waiting: str = ""


class Permit(Protocol):
    """Permission for the calls of one request; any thread may use it."""

    answered_before: bool  # the store has answers of the model to other requests of the run

    def should_stop(self) -> bool:
        """Return True once the run is ending: begin no call, and end every wait."""

    def record_failure(self, failed_call: FailedCall) -> None:
        """Note a call that ended without a completion; the last one, too."""

    def allow_retry(self) -> bool:
        """Return True if another call may be made for the request; the caller must make it."""


class UnlimitedPermit:
    """Permits every call and notes nothing."""

    answered_before = False

    def should_stop(self) -> bool:  # noqa: D102  as Permit
        return False

    def record_failure(self, failed_call: FailedCall) -> None: ...  # noqa: D102
    def allow_retry(self) -> bool:  # noqa: D102
        return True


@dataclass(frozen=True, slots=True)
class Request:
    """One body to send; its key is the digest of everything that decides the answer.

    Attributes:
        text: the body in ASCII JSON as an API gets it, but for images; it may have lone surrogates.
        max_output_tokens: the most tokens of an answer; None: unlimited.
        key_fields: what enters the key besides the body, to explain why two keys differ.
        purpose: `judge`: its answer is a verdict on another one.
        permit: for the second call and later ones; pulling the request permits the first.
        images: of the plan, where the body has digests; None: it has no images.
    """

    key: str
    text: str
    prefill: str = ""
    max_output_tokens: int | None = None
    key_fields: Mapping[str, JSON] = field(default_factory=dict)
    purpose: Literal["answer", "judge"] = field(default="answer", compare=False)
    permit: Permit = field(default=UnlimitedPermit(), compare=False, repr=False)
    images: ImageSources | None = field(default=None, compare=False, repr=False)

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, JSON], prefill: str = "") -> "Request":
        """Return the request with this body."""
        return cls(key, ordered_json(body), prefill)

    @property
    def body(self) -> dict[str, JSON]:
        """The body, parsed at each access: a request stores its text only."""
        return json.loads(self.text)  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """Bytes of the body as JSON in UTF-8; an image counts as a text with as many tokens."""
        return body_size(self.text)


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider bills them; None if it didn't count them.

    Attributes:
        cached_tokens: those of `input_tokens` that came from the provider's cache.
        reasoning_tokens: those of `output_tokens` that are no text. Recorded digests have neither.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = field(default=None, repr=False)
    reasoning_tokens: int | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Completion:
    """A model's answer to a request, or the error in its place.

    Attributes:
        text: without the prefill and, once it is read (`workbench.answers`), without reasoning.
        state: `failed` has no reply to store; `rejected`: the request was refused for this row.
        latency_s: seconds from sending to the last byte; for a batch, the batch's share of a row.
        choice_scores, choice_tokens: log-likelihood and tokens of each choice; None without.
        raw, model: the reply's body as text, None without one; the model's name in it, or empty.
        attempts: HTTP calls made for it, 1 for a local model; 0 if the request was not sent.
        stored: True if it came from the store.
        reasoning, tool_calls: thoughts before the answer, and calls; empty before it is read.
    >>> Completion("", "truncated", text="It is").scored
    True
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
    choice_tokens: Mapping[str, int] | None = None
    raw: str | None = None
    model: str = ""
    attempts: int = 1
    stored: bool = False
    reasoning: str = field(default="", repr=False)  # recorded digests are made of the other fields
    tool_calls: tuple[JSON, ...] = field(default=(), repr=False)

    @property
    def full_text(self) -> str:
        """The assistant's turn: the prefill and the answer that continues it."""
        return self.prefill + self.text

    @property
    def scored(self) -> bool:
        """True if evaluators score it."""
        return self.state in SCORED_STATES
