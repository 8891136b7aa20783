"""Variants as the answering of requests sees them, and all that it gives."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.model import Completion, Model, Provider, Request, open_provider
from workbench.prompt.requests import CompletionReader
from workbench.secrets import Redactor, find_secrets
from workbench.serving.answering import AnswerLimits, ModelAnswerer, open_answerer
from workbench.serving.interfaces import TextPiece

LIMITS = AnswerLimits(timeout_s=60.0)


@dataclass(frozen=True)
class Variant:
    """A variant of one model."""

    model: Model
    prefill_repeated: bool = False
    limits: AnswerLimits = field(default=LIMITS)

    @cached_property
    def provider(self) -> Provider:
        return open_provider(self.model)

    @property
    def reader(self) -> CompletionReader:
        return CompletionReader(self.model, prefill_repeated=self.prefill_repeated)

    @property
    def redactor(self) -> Redactor:
        return Redactor(find_secrets(os.environ))

    def read(self, request: Request, completion: Completion) -> Completion:
        answer = self.reader.read(completion, request.text)
        return replace(answer, text=self.redactor.redact(answer.text))

    def evaluated(self, request: Request) -> Completion:
        """The answer in an evaluation."""
        (completion,) = self.provider.complete([request])
        return untimed(self.read(request, completion))


def untimed(completion: Completion) -> Completion:
    return replace(completion, latency_s=None)


def answered(variant: Variant, *requests: Request) -> list[Completion | BaseException]:
    """The answers to requests that are sent at the same time."""

    async def answer() -> list[Completion | BaseException]:
        answerer = await open_answerer(variant, variant.limits)
        try:
            calls = (answerer.answer(request) for request in requests)
            return await asyncio.gather(*calls, return_exceptions=True)
        finally:
            await answerer.close()

    return [a if isinstance(a, BaseException) else untimed(a) for a in asyncio.run(answer())]


async def parts_of(answerer: ModelAnswerer, request: Request) -> tuple[list[str], Completion]:
    """The pieces of a streamed answer, and its completion."""
    pieces: list[str] = []
    async with aclosing(answerer.stream(request)) as parts:
        async for part in parts:
            if not isinstance(part, TextPiece):
                return pieces, untimed(part)
            pieces.append(part.text)
    raise AssertionError("a stream without a completion")


def streamed(variant: Variant, *requests: Request) -> list[tuple[list[str], Completion]]:
    """The answers to requests that are streamed after each other."""

    async def stream() -> list[tuple[list[str], Completion]]:
        answerer = await open_answerer(variant, variant.limits)
        try:
            return [await parts_of(answerer, request) for request in requests]
        finally:
            await answerer.close()

    return asyncio.run(stream())


def texts(answers: Sequence[Completion | BaseException]) -> list[str]:
    return [a.text if isinstance(a, Completion) else type(a).__name__ for a in answers]
