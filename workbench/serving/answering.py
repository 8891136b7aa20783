"""The model of a served variant: sends requests while people wait, and reads the answers.

    answerer = await open_answerer(variant)
    await answerer.answer(request)                # Completion("a1…", "ok", text="billing")
    async with aclosing(answerer.stream(request)) as parts:
        async for part in parts: …                # TextPiece("bil"), TextPiece("ling"), …

An API is asked in the event loop, a model on this machine runs in a process of its own.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from workbench.answers.read import renamed_stop
from workbench.answers.reasoning import closes_unmarked_thought
from workbench.answers.text_pieces import TextPieces, open_pieces
from workbench.model import Completion, Model, Provider, Request
from workbench.prompt.requests import CompletionReader
from workbench.providers.echo import EchoProvider
from workbench.providers.live_model import (
    AnswerLimits,
    BusyError,
    LiveModel,
    LiveProvider,
)
from workbench.secrets import Redactor
from workbench.secrets.redacted_pieces import RedactedPieces
from workbench.serving.batch_model import BatchModel, EchoModel
from workbench.serving.interfaces import TextPiece
from workbench.serving.request_gate import RequestGate

__all__ = ["AnswerLimits", "BusyError", "ModelAnswerer", "open_answerer"]

DEFAULT_LIMITS = AnswerLimits()
TIMEOUT = "timeout"  # finish reason of an answer that didn't come in time
# As where a thought ends that no mark has begun.
CHANGED = "the end of the reply changes its beginning, which was streamed already"


class AnsweredVariant(Protocol):
    """The part of a `ServedVariant` that answers need."""

    @property
    def model(self) -> Model: ...

    @property
    def provider(self) -> Provider: ...

    @property
    def reader(self) -> CompletionReader: ...

    @property
    def redactor(self) -> Redactor:
        """Of the keys that the model is called with."""

    def read(self, request: Request, completion: Completion) -> Completion:
        """Return the answer in a completion as it was received."""


async def open_answerer(
    variant: AnsweredVariant, limits: AnswerLimits = DEFAULT_LIMITS
) -> "ModelAnswerer":
    """Return the variant's model, ready to answer in the running event loop.

    Raises:
        WorkbenchError: it can't answer: there is no key, or the weights can't be loaded.
    """
    return ModelAnswerer(variant, await _open_model(variant.provider, limits), limits)


async def _open_model(provider: Provider, limits: AnswerLimits) -> LiveModel:
    if isinstance(provider, EchoProvider):
        return EchoModel(provider)
    await asyncio.to_thread(provider.check_ready)
    if isinstance(provider, LiveProvider):
        return await provider.open_live(limits)
    model = BatchModel(provider)
    await model.open()
    return model


class ModelAnswerer:
    """One model, asked by many requests at once; an `Answerer`.

    A text that may begin within a thought, without a mark, can't be cut into pieces before its end.
    Whether a model writes such texts shows in its answers, so the first one comes in one piece.
    """

    def __init__(
        self, variant: AnsweredVariant, model: LiveModel, limits: AnswerLimits = DEFAULT_LIMITS
    ) -> None:
        self._variant = variant
        self._model = model
        self._limits = limits
        self._gate = RequestGate(model.concurrency, limits.most_waiting)
        self._begins_unmarked: bool | None = None  # None: not known yet

    async def answer(self, request: Request) -> Completion:
        """Return the completion, read; cancelling it cancels the call.

        One without an answer has a state like `failed`; out of time, its finish reason is
        `timeout`. Its `error` may repeat what the endpoint said about the input.

        Raises:
            BusyError: no answer in time, and nothing was billed.
        """
        deadline = time.monotonic() + self._limits.timeout_s
        async with self._gate.turn(deadline):
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    received = await self._model.answer(request, deadline)
            except TimeoutError:
                received = self._late(request)
        return self._read(request, received)

    async def stream(self, request: Request) -> AsyncGenerator[TextPiece | Completion]:
        """Yield pieces of the text as they come, and the read completion last.

        The pieces are the completion's text wherever that is an answer. Closing the generator
        cancels the call.

        Raises:
            BusyError: before the first piece, as `answer`.
        """
        deadline = time.monotonic() + self._limits.timeout_s
        pieces, redacted = self._open_pieces(request), RedactedPieces(self._variant.redactor)
        sent = ""
        async with (
            self._gate.turn(deadline),
            aclosing(self._model.stream(request, deadline)) as parts,
        ):
            while isinstance(part := await self._next(parts, request, deadline), str):
                if pieces and (piece := redacted.feed(pieces.feed(part))):
                    sent += piece
                    yield TextPiece(piece)
        completion = self._read(request, part)
        if completion.scored and not completion.text.startswith(sent):
            completion = replace(completion, state="invalid_response", error=CHANGED)
        if completion.scored and (rest := completion.text[len(sent) :]):
            yield TextPiece(rest)
        yield completion

    async def close(self) -> None:
        """End connections and processes, and the calls in progress."""
        await self._model.close()

    async def _next(
        self, parts: AsyncGenerator[str | Completion], request: Request, deadline: float
    ) -> str | Completion:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await anext(parts)
        except TimeoutError:
            return self._late(request)

    def _late(self, request: Request) -> Completion:
        error = f"no answer in {self._limits.timeout_s:g} s"
        return Completion(
            request.key, "failed", prefill=request.prefill, error=error, finish_reason=TIMEOUT
        )

    def _open_pieces(self, request: Request) -> TextPieces | None:
        """The pieces of a reply; None if the answer is known only at its end."""
        reader = self._variant.reader
        if reader.normalize != "none":
            return None
        return open_pieces(
            request.text,
            reader.model.reasoning,
            prefill=request.prefill,
            stop_field=renamed_stop(reader.model),
            prefill_repeated=reader.prefill_repeated,
            begins_unmarked=self._begins_unmarked is not False,
        )

    def _read(self, request: Request, received: Completion) -> Completion:
        self._observe(received)
        return self._variant.read(request, received)

    def _observe(self, received: Completion) -> None:
        """Learn whether the model's texts begin within thoughts: one that does decides."""
        reasoning = self._variant.reader.model.reasoning
        if received.state != "ok" or self._begins_unmarked or not received.text:
            return
        tags = [] if isinstance(reasoning, str) else [str(tag) for tag in reasoning]
        self._begins_unmarked = closes_unmarked_thought(
            received.text, prefill=received.prefill, tags=tags
        )
