"""Sends requests concurrently; the only layer that retries.

The event loop runs in its own thread, and completions reach the caller through a queue as they
arrive:

    [Completion("a1…", "ok", …), Completion("b2…", "failed", …)], [Completion("c3…", …)], None

A fatal error comes before the None.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion, FailedCall, Permit, Request, UnlimitedPermit
from workbench.parameters import ParameterError
from workbench.providers.openai.circuit_breaker import CircuitBreaker
from workbench.providers.openai.errors import (
    CALL_ERRORS,
    FIRST_STATUSES,
    ROW_STATUSES,
    Failure,
    read_failure,
)
from workbench.providers.openai.exchange import Exchange
from workbench.providers.openai.image_parts import request_content
from workbench.providers.openai.rate_limiter import RateLimiter
from workbench.providers.openai.retry import ALIVE, RetryState
from workbench.providers.openai.settings import EndpointAccess, EndpointState
from workbench.providers.openai.transport import PausedError

POLL_S = 0.02  # between two looks at the other requests in flight
FIRST_ROWS = 3  # rows that are refused before a 403 or 404 counts as one of the model
WAITING = "the model is not loaded yet, so this waits for up to 10 minutes"


def complete(access: EndpointAccess, requests: Iterator[Request | None]) -> Iterator[Completion]:
    """As `Provider.complete`."""
    session = _Session(access, requests)
    thread = threading.Thread(target=session.run, name=f"openai:{access.model}", daemon=True)
    thread.start()
    try:
        while (batch := session.completions.get()) is not None:
            if isinstance(batch, Exception):
                raise batch
            yield from batch
    finally:
        session.cancel()
        thread.join()


class _Session:
    """One call of `complete`: tasks that pull a request, send it and deliver its completion."""

    def __init__(self, access: EndpointAccess, requests: Iterator[Request | None]) -> None:
        self.model, self.settings, self.requests = access.model, access.settings, requests
        self.completions = queue.SimpleQueue[list[Completion] | Exception | None]()
        self.fatal: Exception | None = None
        self._endpoint = access.state
        self._in_flight = self._undecided = 0  # requests; those that wait for another's answer
        self._batch: list[Completion] = []
        self._permit: Permit = UnlimitedPermit()  # of the last request; all are of one run
        self._pausing = asyncio.Lock()  # held by the task that waits for the next request
        self._breaker = CircuitBreaker(reached=access.state.answered)
        self._limiter = RateLimiter(time.monotonic())
        self._exchange = Exchange(access, self._limiter.paused)
        self._loop = asyncio.new_event_loop()
        self._main_task = self._loop.create_task(self._serve())

    def run(self) -> None:
        """Send all requests, then put None into the queue; the target of the thread."""
        try:
            self._loop.run_until_complete(self._main_task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # raised in the thread that reads the queue
            self.fatal = self.fatal or error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            self._flush()
            if self.fatal:
                self.completions.put(self.fatal)
            self.completions.put(None)

    def cancel(self) -> None:
        """Cancel the calls in flight; does nothing after the end."""
        try:
            self._loop.call_soon_threadsafe(self._main_task.cancel)
        except RuntimeError:  # the loop is closed
            return

    async def _serve(self) -> None:
        async with self._exchange:
            await asyncio.gather(*(self._work() for _ in range(self.settings.concurrency)))
        self._stop(None if self.fatal else self._breaker.end())

    async def _work(self) -> None:
        """Pull and send until the requests end; after a fatal error no task pulls another one."""
        try:
            while request := await self._pull():
                await self._send(request)
        except Exception as error:  # raised in the reading thread, after all completions
            self.fatal = self.fatal or error
            self._limiter.close()

    async def _pull(self, *, waits: bool = True) -> Request | None:
        """Pull a request once the limiter permits it; None: there is none, or the run ends.

        With `waits` also one that follows from an answer that is still to come.
        """
        pulled = await self._next()
        if pulled is None and waits:
            async with self._pausing:
                while (pulled := await self._next()) is None:
                    await asyncio.sleep(POLL_S)
        return pulled or None

    async def _next(self) -> Request | Literal[False] | None:
        """Pull a request; None: there is none at the moment; False: there are no more."""
        if not await self._limiter.acquire(self._permit):
            return False
        try:
            request = next(self.requests)
        except StopIteration:
            return False
        self._permit = request.permit if request else self._permit
        return request

    async def _send(self, request: Request) -> None:
        """Call until there is a completion or the request is given up, and deliver the result."""
        self._in_flight += 1
        try:
            await self._call_until_done(request)
        finally:
            self._in_flight -= 1

    async def _call_until_done(self, request: Request) -> None:
        state = RetryState(self.settings.backoff_s)
        self._endpoint.answered_before = request.permit.answered_before
        try:
            content = await request_content(request)
        except WorkbenchError as error:
            request.permit.record_failure(FailedCall("refused", error.message))
            return self._deliver(_failed(request, f"not sent: {error.message}", state))
        while True:
            state.calls += 1
            result = await self._call(request, content, state)
            if isinstance(result, Completion):
                self._deliver(result)
                return self._stop(self._breaker.record_completion(result))
            now = time.monotonic()
            wait = state.wait(result, now, alive=now - self._limiter.answered_at <= ALIVE)
            if wait is None:
                self._deliver(_failed(request, result.message, state))
                return self._stop(self._breaker.record_failure(result))
            if not (
                await self._limiter.acquire(request.permit, after=wait)
                and request.permit.allow_retry()
            ):
                return self._deliver(_failed(request, f"not sent again: {result.message}", state))

    def _deliver(self, completion: Completion) -> None:
        """Collect what arrives in one round of the loop, so that the reader wakes up once."""
        self._batch.append(completion)
        if len(self._batch) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self.completions.put(self._batch)
        self._batch = []

    async def _call(
        self, request: Request, content: bytes, state: RetryState
    ) -> Completion | Failure:
        """Make one call, which the limiter has let through."""
        while True:
            sent_at = time.monotonic()
            self._limiter.record_sent(sent_at)
            try:
                completion = await self._exchange.send(
                    request, content, new_connection=state.unknown > 0
                )
            except CALL_ERRORS as error:
                if isinstance(error, PausedError) and await self._limiter.acquire(request.permit):
                    continue
                state.calls -= isinstance(error, PausedError)
                return await self._read_failure(error, request, state, sent_at)
            self._limiter.answered_at = time.monotonic()
            return replace(completion, attempts=state.calls)

    async def _read_failure(
        self, error: Exception, request: Request, state: RetryState, sent_at: float
    ) -> Completion | Failure:
        """Return the completion of a refused row, or a failure that is noted with the permit."""
        if getattr(error, "status_code", 0) in (*ROW_STATUSES, *FIRST_STATUSES):
            await self._wait_for_answer(error, request)
        failure = await self._exchange.with_model_names(self._exchange.read_failure(error, request))
        if completion := self._exchange.refused_row(failure, request, state.calls):
            return completion
        self._record_failure(failure, request, sent_at)
        return failure

    async def _wait_for_answer(self, error: Exception, request: Request) -> None:
        """Wait until another request is answered, or none in flight could be.

        If `error` may be about this row only, other rows are tried.
        """
        self._undecided += 1
        while not self._endpoint.answered and self._undecided < self._in_flight:
            await asyncio.sleep(POLL_S)
        undecided = not self._endpoint.answered and self._undecided < FIRST_ROWS
        if (
            undecided
            and self._may_concern_row(error, request)
            and (other := await self._pull(waits=False))
        ):
            with suppress(WorkbenchError):  # which stops the model, as this row's error will
                await self._send(other)
        self._undecided -= 1

    def _may_concern_row(self, error: Exception, request: Request) -> bool:
        """True if a refusal stops the model only because nothing has been answered yet."""
        states = (self._endpoint, EndpointState(answered=True))
        first, later = (read_failure(error, self.settings, request, state) for state in states)
        is_early = getattr(error, "status_code", 0) in FIRST_STATUSES
        return is_early and bool(first.fatal_fix and later.row_state)

    def _record_failure(self, failure: Failure, request: Request, sent_at: float) -> None:
        """Tell the permit and the limiter about a failed call; stop if none can succeed."""
        text = f"openai:{self.model}: {failure.message}; {WAITING}" if failure.loading else ""
        request.permit.record_failure(FailedCall(failure.outcome, failure.message, waiting=text))
        if failure.fatal_fix:
            exit_code = ExitCode.FAILED_ROWS
            error = WorkbenchError(failure.message, fix=failure.fatal_fix)
            if failure.parameter:
                error = ParameterError(
                    failure.message, parameter=failure.parameter, fix=failure.fatal_fix
                )
            error.exit_code = exit_code
            self._stop(error)
        if failure.too_many:
            self._limiter.record_refusal(sent_at, time.monotonic())
        if failure.wait_s is not None:
            self._limiter.pause(failure.wait_s)

    def _stop(self, error: WorkbenchError | None) -> None:
        """Raise `error`, if there is one, with the model's name."""
        if error:
            error.message = f"openai:{self.model}: {self._exchange.redact(error.message)}"
            raise error


def _failed(request: Request, error: str, state: RetryState) -> Completion:
    return Completion(
        request.key, "failed", prefill=request.prefill, error=error, attempts=state.calls
    )
