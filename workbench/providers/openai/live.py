"""Single requests to an endpoint, in the caller's event loop: for a server that serves a variant.

    live = await open_endpoint(access, limits)
    await live.answer(request, deadline)          # Completion("a1…", "ok", text="4")
    async for part in live.stream(request, deadline): …   # "Par", "is", Completion(…)

It sends what `client.py` sends and reads what that reads; only a call that is surely not billed is
repeated, and only while there is time.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace

from workbench.canonical import ordered_json
from workbench.errors import WorkbenchError
from workbench.model import Completion, Request, UnlimitedPermit
from workbench.providers.live_model import AnswerLimits, BusyError
from workbench.providers.openai.errors import CALL_ERRORS, Failure
from workbench.providers.openai.exchange import Exchange
from workbench.providers.openai.image_parts import request_content
from workbench.providers.openai.rate_limiter import RateLimiter
from workbench.providers.openai.retry import RetryState
from workbench.providers.openai.settings import EndpointAccess
from workbench.providers.openai.text_events import TextEvents
from workbench.providers.openai.transport import PausedError

PERMIT = UnlimitedPermit()
# Fields that have an answer streamed: the first ones that the endpoint takes.
STREAM_FIELDS = (
    {"stream": True, "stream_options": {"include_usage": True}},
    {"stream": True},
)


REFUSALS = ("HTTP 400", "HTTP 405", "HTTP 422", "HTTP 501")  # that may be about these fields


class StreamRefusedError(Exception):
    """The endpoint may not take the fields that were added to have the answer streamed.

    Attributes:
        is_named: it has named one of them.
    """

    def __init__(self, *, is_named: bool) -> None:
        super().__init__()
        self.is_named = is_named


class LiveEndpoint:
    """One model at its endpoint, with connections that stay open.

    Attributes:
        concurrency: calls at once.
    """

    def __init__(self, access: EndpointAccess, limits: AnswerLimits) -> None:
        self.concurrency = access.settings.concurrency
        self._settings = access.settings
        self._limits = limits
        self._limiter = RateLimiter(time.monotonic())
        self._exchange = Exchange(access, self._limiter.paused)
        # OpenAI's Responses API streams usage without being asked.
        self._stream_fields = list(STREAM_FIELDS[access.settings.api == "responses" :])
        self._streams = False  # it has streamed an answer

    async def open(self) -> None:
        """Prepare the connections; none is made yet."""
        await self._exchange.__aenter__()

    async def close(self) -> None:
        """Close the connections."""
        self._limiter.close()
        await self._exchange.__aexit__()

    async def answer(self, request: Request, deadline: float) -> Completion:
        """As `LiveModel.answer`."""
        return await self._answer(request, deadline)

    async def stream(self, request: Request, deadline: float) -> AsyncGenerator[str | Completion]:
        """As `LiveModel.stream`; the completion alone where the endpoint refuses to stream."""
        completion = None
        while completion is None:
            streamed = self._streamed(request)
            listener = _Listener(expects_refusal=streamed is not request, streams=self._streams)
            task = asyncio.create_task(self._answer(streamed, deadline, listener))
            task.add_done_callback(listener.end)
            try:
                while text := await listener.texts.get():
                    yield text
                completion = await task
                self._streams = self._streams or listener.has_text
            except StreamRefusedError as error:
                if error.is_named:
                    self._forget(streamed)
                else:
                    completion = await self._answer_at_once(request, deadline)
            finally:
                if not task.done():
                    task.cancel()
                    await asyncio.wait([task])
        yield completion

    async def _answer_at_once(self, request: Request, deadline: float) -> Completion:
        """The completion of a request that was refused when it was to be streamed."""
        completion = await self._answer(request, deadline)
        if completion.scored:
            self._stream_fields.clear()
        return completion

    def _streamed(self, request: Request) -> Request:
        """The request with the fields that have its answer streamed; unchanged without any."""
        body = request.body
        if "stream" in body or not self._stream_fields:
            return request
        return replace(request, text=ordered_json(body | self._stream_fields[0]))

    def _forget(self, streamed: Request) -> None:
        """Send the fields of a refused request no more."""
        body = streamed.body
        tried = {name: body[name] for name in STREAM_FIELDS[0] if name in body}
        with suppress(ValueError):  # another request has found out before
            self._stream_fields.remove(tried)

    async def _answer(
        self, request: Request, deadline: float, listener: "_Listener | None" = None
    ) -> Completion:
        state = RetryState(self._settings.backoff_s)
        try:
            content = await request_content(request)
        except WorkbenchError as error:
            return _failed(request, f"not sent: {error.message}", state)
        on_chunk = listener.feed if listener else None
        wait_s = 0.0
        while True:
            await self._take_turn(wait_s, deadline)
            sent_at = time.monotonic()
            self._limiter.record_sent(sent_at)
            state.calls += 1
            try:
                completion = await self._exchange.send(request, content, on_chunk=on_chunk)
            except CALL_ERRORS as error:
                if isinstance(error, PausedError):  # nothing was sent
                    state.calls -= 1
                    continue
                failure = self._exchange.read_failure(error, request)
            else:
                self._limiter.answered_at = time.monotonic()
                return replace(completion, attempts=state.calls)
            self._slow_down(failure, sent_at)
            if listener:
                listener.check(failure)
            if completion_of_row := self._exchange.refused_row(failure, request, state.calls):
                return completion_of_row
            again = (
                None if listener and listener.has_text else self._wait_s(failure, state, deadline)
            )
            if again is None:
                return _failed(request, _message(failure), state)
            wait_s = again

    async def _take_turn(self, wait_s: float, deadline: float) -> None:
        """Wait until the endpoint may be called.

        Raises:
            BusyError: that is after the deadline.
        """
        now = time.monotonic()
        wait_s = max(wait_s, self._limiter.delay(now))
        if now + wait_s >= deadline:
            raise BusyError(wait_s)
        await self._limiter.acquire(PERMIT, after=wait_s)

    def _slow_down(self, failure: Failure, sent_at: float) -> None:
        if failure.too_many:
            self._limiter.record_refusal(sent_at, time.monotonic())
        if failure.wait_s is not None:
            self._limiter.pause(failure.wait_s)

    def _wait_s(self, failure: Failure, state: RetryState, deadline: float) -> float | None:
        """Seconds until the next call; None: there is none.

        Raises:
            BusyError: the endpoint could answer later, after the deadline or the last try.
        """
        if failure.outcome != "refused" or not failure.retryable or failure.fatal_fix:
            return None
        now = time.monotonic()
        wait_s = state.wait(failure, now, alive=True)
        is_over = wait_s is None or state.calls >= self._limits.tries or now + wait_s >= deadline
        if is_over and (failure.too_many or failure.loading or failure.wait_s is not None):
            raise BusyError(max(1.0, failure.wait_s or 0.0, wait_s or 0.0))
        return None if is_over else wait_s


async def open_endpoint(access: EndpointAccess, limits: AnswerLimits) -> LiveEndpoint:
    """Return the endpoint, ready for requests in the running event loop."""
    endpoint = LiveEndpoint(access, limits)
    await endpoint.open()
    return endpoint


class _Listener:
    """The text of a reply while it arrives.

    Args:
        expects_refusal: the endpoint may refuse the request for the fields that were added.
        streams: it has taken them before, so it names them if it does.
    """

    def __init__(self, *, expects_refusal: bool, streams: bool) -> None:
        self.texts = asyncio.Queue[str]()
        self._expects_refusal = expects_refusal
        self._streams = streams
        self._events = TextEvents()

    @property
    def has_text(self) -> bool:
        return self._events.has_text

    def feed(self, chunk: bytes) -> None:
        if text := self._events.feed(chunk):
            self.texts.put_nowait(text)

    def end(self, _task: asyncio.Task[Completion]) -> None:
        self.texts.put_nowait("")

    def check(self, failure: Failure) -> None:
        """Begin again after a failed call.

        Raises:
            StreamRefusedError: it may have failed because of a field that was added.
        """
        if self._expects_refusal:
            if failure.parameter in STREAM_FIELDS[0]:
                raise StreamRefusedError(is_named=True)
            if not self._streams and failure.message.startswith(REFUSALS):
                raise StreamRefusedError(is_named=False)
        self._events.reset()


def _message(failure: Failure) -> str:
    return f"{failure.message}; {failure.fatal_fix}" if failure.fatal_fix else failure.message


def _failed(request: Request, error: str, state: RetryState) -> Completion:
    return Completion(
        request.key, "failed", prefill=request.prefill, error=error, attempts=state.calls
    )
