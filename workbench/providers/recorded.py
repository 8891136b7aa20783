"""The provider `recorded:`, which gives the answers again that a model gave to the starters.

recorded:smollm2-135m-instruct    real answers, of the day of their recording; nothing is asked now
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name
from workbench.model import Completion, PreparedCall, PromptCall, Request, State, Usage
from workbench.model.types import UnanswerableError
from workbench.starters.recordings import (
    RecordedAnswer,
    list_recordings,
    read_recordings,
    request_digest,
)

ANSWERS = (
    "recordings answer only the prompts, rows and parameters that `workbench init` wrote: take the "
    "edit back, or name a model that answers it in `models:`: `openai:NAME` with OPENAI_API_KEY or "
    "a base_url, or `transformers:{name}` on this machine (before: pip install "
    "'prompt-workbench[local]'; workbench models add {name}). workbench try PROMPT --model "
    "openai:NAME sends one row of an edited prompt"
)
PAUSE_S = 0.01  # between two looks for a request


class RecordedProvider:
    """Answers with recordings that come with Workbench, at no cost and without a key.

    Args:
        name: a model with recordings.
        settings: none.

    Raises:
        WorkbenchError: no such recordings, or a setting.
    """

    concurrent = False
    billed = False
    takes_pauses = True

    def __init__(self, name: str, settings: Mapping[str, JSON]) -> None:
        names = list_recordings()
        if name not in names:
            raise unknown_name("recorded model", name, names)
        if settings:
            raise WorkbenchError(f"recorded:{name} takes no settings, not {sorted(settings)}")
        self.name = name

    @property
    def identity(self) -> Mapping[str, JSON]:
        """The name of the model."""
        return {"recorded": self.name}

    @property
    def facts(self) -> Mapping[str, JSON]:
        """A note for tables: nothing was asked."""
        return {"note": "recorded answers; the model was not asked"}

    @property
    def choice_method(self) -> str:
        """The way in which it answered calls with choices; empty if none is recorded."""
        methods = (answer.choice_method for answer in read_recordings(self.name).values())
        return next(filter(None, methods), "")

    def prepare(self, call: PromptCall) -> PreparedCall:
        """Return the conversation with its parameters, and the digest of the recorded answer.

        Raises:
            UnanswerableError: there is no recorded answer.
        """
        body = recorded_body(call)
        request = request_digest(body)
        answer = read_recordings(self.name).get(request)
        method = answer.choice_method if answer else ""
        prepared = PreparedCall({**body, "request": request}, "fixed", method)
        if answer is None:
            raise UnanswerableError(
                f"recorded:{self.name} has no recorded answer to this prompt with this row",
                prepared,
                fix=ANSWERS.format(name=self.name),
            )
        return prepared

    def count_tokens(self, body: Mapping[str, JSON]) -> int | None:
        """Return the input tokens as the model counted them."""
        return self._answer(body).input_tokens

    def check_ready(self) -> None:
        """Return: there is nothing to check."""

    def complete(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """Yield one completion per request, in order."""
        for request in requests:
            if request is None:
                time.sleep(PAUSE_S)
                continue
            yield completion_of(request.key, self._answer(request.body))

    def _answer(self, body: Mapping[str, JSON]) -> RecordedAnswer:
        return read_recordings(self.name)[body["request"]]


def completion_of(key: str, answer: RecordedAnswer) -> Completion:
    """The recorded answer as the completion of the request with this key."""
    return Completion(
        key,
        cast("State", answer.state),
        text=answer.text,
        finish_reason=answer.finish_reason,
        usage=Usage(answer.input_tokens, answer.output_tokens),
        latency_s=answer.latency_s,
        choice_scores=answer.choice_scores,
        choice_tokens=answer.choice_tokens,
    )


def recorded_body(call: PromptCall) -> dict[str, JSON]:
    """The part of a prompt's call that decides its answer."""
    body: dict[str, JSON] = {"parameters": dict(call.parameters)}
    if call.conversation.text is None:
        body["messages"] = [message.as_json() for message in call.conversation.messages]
    else:
        body["text"] = call.conversation.text
    if call.tools:
        body["tools"] = list(call.tools)
    if call.choices:
        body["choices"] = list(call.choices)
    if call.response_schema is not None:
        body["response_schema"] = dict(call.response_schema)
    return body
