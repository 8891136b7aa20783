"""A model that is asked while its answer is waited for: one request at a time, from one event loop.

    model = await provider.open_live(limits)
    await model.answer(request, deadline)     # a completion as it was received, unread

A provider may have `open_live`, where it reaches an API, or `load`, where it runs the model itself.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from workbench.model import Completion, Request


@dataclass(frozen=True)
class AnswerLimits:
    """Limits of one request that someone waits for.

    Attributes:
        timeout_s: seconds for all of it: waiting, calls and repeated calls.
        most_waiting: requests that wait while others are answered; more are refused.
        tries: calls of one request at most; a call that may be billed is not repeated.
    """

    timeout_s: float = 60.0
    most_waiting: int = 64
    tries: int = 3


class BusyError(Exception):
    """Too much is waiting already, here or at the model; nothing was done for this request.

    Attributes:
        retry_after_s: seconds after which a client may try again.
    """

    def __init__(self, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many requests are waiting; try again in {retry_after_s:g} s")


class LiveModel(Protocol):
    """One model; its methods are called in one event loop.

    Attributes:
        concurrency: requests that it answers at once.
    """

    concurrency: int

    async def answer(self, request: Request, deadline: float) -> Completion:
        """Return the completion as it was received; cancelling it cancels the call.

        Args:
            request: with images read.
            deadline: seconds of the monotonic clock; the caller cancels then.

        Raises:
            BusyError: there would be no answer before the deadline, and nothing was billed.
        """

    def stream(self, request: Request, deadline: float) -> AsyncGenerator[str | Completion]:
        """Yield pieces of the text as they are received, if there are any, then the completion."""

    async def close(self) -> None:
        """End connections and processes."""


@runtime_checkable
class LiveProvider(Protocol):
    """A provider whose model is asked in the event loop."""

    async def open_live(self, limits: AnswerLimits) -> LiveModel:
        """Return the model, ready to answer in the running event loop.

        Raises:
            WorkbenchError: it can't be asked: there is no key, no such proxy.
        """


class CompletingModel(Protocol):
    """A model that completes requests in batches, as a `Provider` does."""

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """As `Provider.complete`; may be called again."""


class LoadedModel(CompletingModel, Protocol):
    """A model that is in memory within its context; entering it raises WorkbenchError."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: object) -> None: ...

    def kill(self) -> None:
        """End the call in progress, from another thread."""


@runtime_checkable
class LoadingProvider(Protocol):
    """A provider whose model may stay in memory."""

    def load(self) -> LoadedModel:
        """Return the model, which is loaded where its context begins.

        Raises:
            WorkbenchError: it can't be loaded.
        """
