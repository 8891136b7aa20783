"""A model that answers in batches what waits: one on this machine, in memory all the time.

The thread that has loaded it takes the requests that wait, and answers them together:

    [request, request, request]  ->  provider.load().complete(…)  ->  futures of the event loop
"""

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from itertools import chain

from workbench.errors import WorkbenchError
from workbench.model import Completion, Provider, Request, UnlimitedPermit
from workbench.providers.echo import EchoProvider
from workbench.providers.live_model import CompletingModel, LoadedModel, LoadingProvider

DEFAULT_BATCH = 64
CLOSED = "the model was closed before it answered"
END_S = 10.0  # seconds in which the thread must end


class EchoModel:
    """The provider `echo:`, which answers at once."""

    concurrency = 1024

    def __init__(self, provider: EchoProvider) -> None:
        self._provider = provider

    async def answer(self, request: Request, deadline: float) -> Completion:  # noqa: ARG002
        """As `LiveModel.answer`."""
        return next(self._provider.complete([request]))

    async def stream(self, request: Request, deadline: float) -> AsyncGenerator[str | Completion]:
        """As `LiveModel.stream`."""
        yield await self.answer(request, deadline)

    async def close(self) -> None:
        """Do nothing."""


class ServedPermit(UnlimitedPermit):
    """Permits every call until the model is closed."""

    def __init__(self) -> None:
        self.is_closing = False

    def should_stop(self) -> bool:
        """True once the model is being closed."""
        return self.is_closing


@dataclass(frozen=True)
class WaitingRequest:
    """A request, and the future of its completion."""

    request: Request
    future: asyncio.Future[Completion]


class BatchModel:
    """A provider's model; a `LiveModel`.

    One without `load` gets each batch by itself.

    Attributes:
        concurrency: requests in two batches: the next one forms while one is answered.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        size = provider.facts.get("batch_size")
        self._batch_size: int = size if isinstance(size, int) else DEFAULT_BATCH
        self.concurrency = 2 * self._batch_size
        self._permit = ServedPermit()
        self._waiting = queue.SimpleQueue[WaitingRequest | None]()
        self._thread = threading.Thread(target=self._run, name="local model", daemon=True)
        self._loaded: LoadedModel | None = None

    async def open(self) -> None:
        """Return once the model is in memory.

        Raises:
            WorkbenchError: it can't be loaded.
        """
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._thread.start()
        try:
            await self._ready
        except BaseException:
            await self.close()
            raise

    async def answer(self, request: Request, deadline: float) -> Completion:  # noqa: ARG002
        """As `LiveModel.answer`; a request in a batch is answered though it is cancelled."""
        if self._permit.is_closing:
            return _failed(request, CLOSED)
        waiting = WaitingRequest(request, self._loop.create_future())
        self._waiting.put(waiting)
        return await waiting.future

    async def stream(self, request: Request, deadline: float) -> AsyncGenerator[str | Completion]:
        """As `LiveModel.stream`: the completion alone."""
        yield await self.answer(request, deadline)

    async def close(self) -> None:
        """End the model's process; a request that waits has failed."""
        self._permit.is_closing = True
        self._waiting.put(None)
        if self._loaded:
            self._loaded.kill()
        await asyncio.to_thread(self._thread.join, END_S)

    def _run(self) -> None:
        """Answer until the model is closed; the target of the thread.

        The model's process ends with the thread that has started it.
        """
        try:
            with self._load() as model:
                self._call_soon(_resolve, self._ready, None)
                while batch := self._take_batch():
                    self._answer_batch(model, batch)
        except Exception as error:  # raised where the model is opened
            self._call_soon(_fail, self._ready, error)
        finally:
            self._end_requests()

    def _load(self) -> AbstractContextManager[CompletingModel]:
        if isinstance(self._provider, LoadingProvider):
            self._loaded = self._provider.load()
            return self._loaded
        return nullcontext(self._provider)

    def _take_batch(self) -> list[WaitingRequest]:
        """The requests that wait, one at least; none once the model is closed."""
        batch: list[WaitingRequest] = []
        with suppress(queue.Empty):
            while not self._permit.is_closing and len(batch) < self._batch_size:
                waiting = self._waiting.get(block=not batch)
                if waiting and not waiting.future.cancelled():
                    batch.append(waiting)
        return batch

    def _answer_batch(self, model: CompletingModel, batch: list[WaitingRequest]) -> None:
        """Complete the requests; those with the same key have the same answer."""
        pending: dict[str, list[WaitingRequest]] = {}
        for waiting in batch:
            pending.setdefault(waiting.request.key, []).append(waiting)
        requests = [replace(same[0].request, permit=self._permit) for same in pending.values()]
        reason = "the model has given no answer"
        try:
            for completion in model.complete(requests):
                for waiting in pending.pop(completion.key):
                    self._deliver(waiting, completion)
        except WorkbenchError as error:
            reason = error.message
        except Exception as error:  # of a provider: only these requests have failed
            reason = f"{type(error).__name__}: {error}"
        for waiting in chain.from_iterable(pending.values()):
            self._deliver(waiting, _failed(waiting.request, reason))

    def _deliver(self, waiting: WaitingRequest, completion: Completion) -> None:
        self._call_soon(_resolve, waiting.future, completion)

    def _end_requests(self) -> None:
        """Fail the requests that still wait."""
        with suppress(queue.Empty):
            while True:
                if waiting := self._waiting.get_nowait():
                    self._deliver(waiting, _failed(waiting.request, CLOSED))

    def _call_soon(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function, *arguments)


def _failed(request: Request, error: str) -> Completion:
    return Completion(request.key, "failed", prefill=request.prefill, error=error)


def _resolve(future: asyncio.Future[object], result: object) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[object], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
