"""Sending requests, many at once, through the openai package; the one layer that retries.

The event loop runs in a thread of its own; completions come out of a queue as they arrive.
"""

import asyncio
import json
import os
import queue
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import httpx2
import openai

from workbench.errors import WorkbenchError
from workbench.model import Completion, Request
from workbench.providers.openai.failure import KINDS, LONGEST_WAIT, Failure, read_failure
from workbench.providers.openai.reply import read_reply
from workbench.providers.openai.settings import OpenAISettings

LEAST_WAIT = 10.0  # seconds that a named wait counts at least, so that short ones end, too
TRIES = 5
UNSURE_TRIES = 2  # of those after which the server may want to be paid twice
LONGEST_BACKOFF = 30.0  # seconds
PATHS = {"chat": "/chat/completions", "completions": "/completions"}


@dataclass(frozen=True)
class Endpoint:
    """An address, the key it gets, and how it is spoken to."""

    model: str
    settings: OpenAISettings
    key: str

    def complete(self, requests: Iterator[Request]) -> Iterator[Completion]:
        """As `Provider.complete`."""
        arrived: queue.SimpleQueue[Completion | Exception | None] = queue.SimpleQueue()
        session = _Session(self, requests, arrived)
        thread = threading.Thread(target=session.run, name=f"openai:{self.model}", daemon=True)
        thread.start()
        try:
            while (item := arrived.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            session.cancel()
            thread.join()

    def headers(self) -> dict[str, str | openai.Omit]:
        """The file's own; the client is kept from adding what is not meant for this endpoint.

        Without a key no Authorization header is sent, not even an empty one. An address in the
        file gets nothing of what the environment says of an account at OpenAI.
        """
        left_out = [] if self.key else ["Authorization"]
        if self.settings.base_url:
            lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
            left_out += [line.partition(":")[0].strip() for line in lines if ":" in line]
            left_out += ["OpenAI-Organization", "OpenAI-Project"]
        own = {name.lower() for name in self.settings.headers}
        omitted = {name: openai.Omit() for name in left_out if name.lower() not in own}
        return {**omitted, **self.settings.headers}


class _Session:
    """One call of `complete`: some workers that pull, send and hand over."""

    def __init__(
        self,
        endpoint: Endpoint,
        requests: Iterator[Request],
        arrived: "queue.SimpleQueue[Completion | Exception | None]",
    ) -> None:
        self.endpoint = endpoint
        self.settings = endpoint.settings
        self._headers = endpoint.headers()
        self.requests = requests
        self.arrived = arrived
        self.fatal: Exception | None = None
        self._shut_until = 0.0  # of the monotonic clock; the server asked to wait until then
        self._over = asyncio.Event()  # set with `fatal`: nobody waits for another try
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._serve())

    def run(self) -> None:
        """The thread's work: serves until the requests end, then says so with a None."""
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:  # handed to the thread that reads the queue
            self.fatal = self.fatal or error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
            if self.fatal:
                self.arrived.put(self.fatal)
            self.arrived.put(None)

    def cancel(self) -> None:
        """Ends what is under way; nothing happens where all has ended."""
        try:
            self._loop.call_soon_threadsafe(self._task.cancel)
        except RuntimeError:  # the loop is closed
            return

    async def _serve(self) -> None:
        settings = self.settings
        limits = httpx2.Limits(
            max_connections=settings.concurrency, max_keepalive_connections=settings.concurrency
        )
        async with (
            openai.DefaultAioHttpClient(limits=limits, follow_redirects=False) as transport,
            openai.AsyncOpenAI(
                api_key=self.endpoint.key or "none",
                base_url=settings.url,
                http_client=transport,
                max_retries=0,
                timeout=settings.timeout_s,
            ) as client,
        ):
            await asyncio.gather(*(self._work(client) for _ in range(settings.concurrency)))

    async def _work(self, client: openai.AsyncOpenAI) -> None:
        """Pulls and sends until the requests end; after a fatal error the others finish theirs."""
        try:
            while await self._may_send() and (request := next(self.requests, None)) is not None:
                self.arrived.put(await self._send(client, request))
        except Exception as error:  # raised in the thread that reads, once all is handed over
            self.fatal = self.fatal or error
            self._over.set()

    async def _send(self, client: openai.AsyncOpenAI, request: Request) -> Completion:
        """The completion of one request, after as many tries as it takes.

        A server that names a time to wait has done nothing yet, so that is no try; it is believed
        for LONGEST_WAIT in all, and until then it gets no other request either.
        """
        attempts = tries = unsure = 0
        asked = 0.0
        while True:
            attempts += 1
            try:
                return replace(await self._exchange(client, request), attempts=attempts)
            except KINDS as error:
                failure = self._failure(error, request)
            if failure.wait_s is None:
                tries, unsure = tries + 1, unsure + failure.unsure
            else:
                asked += max(LEAST_WAIT, failure.wait_s)
                self._shut_until = max(self._shut_until, time.monotonic() + failure.wait_s)
            spent = tries >= TRIES or unsure >= UNSURE_TRIES or asked > LONGEST_WAIT
            if spent or not failure.again:
                break
            if not await self._may_send(failure.wait_s or self._backoff(tries)):
                break
        return Completion(
            request.key, "failed", prefill=request.prefill, error=failure.text, attempts=attempts
        )

    async def _may_send(self, wait: float = 0.0) -> bool:
        """True after `wait` seconds and when the server takes requests; False once it is over."""
        until = time.monotonic() + wait
        while self.fatal is None:
            left = max(until, self._shut_until) - time.monotonic()
            if left <= 0:
                return True
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), left)
        return False

    async def _exchange(self, client: openai.AsyncOpenAI, request: Request) -> Completion:
        """What the server answers; the time is for all of it, however slowly it drips."""
        # ASCII, so that a lone surrogate can be sent; the order of a schema's keys is kept.
        content = json.dumps(dict(request.body), allow_nan=False).encode("ascii")
        begun = time.monotonic()
        async with asyncio.timeout(self.settings.timeout_s):
            reply = await client.post(
                PATHS[self.settings.api],
                content=content,
                cast_to=httpx2.Response,
                options={"headers": self._headers},  # an Omit counts only if it stands here
            )
            raw = reply.content.decode("utf-8-sig", "replace")
        return replace(read_reply(request, raw), latency_s=time.monotonic() - begun)

    def _failure(self, error: Exception, request: Request) -> Failure:
        """What `error` means, the key taken out of what the server says."""
        key = self.endpoint.key
        try:
            failure = read_failure(error, self.settings, request.body)
        except WorkbenchError as fatal:
            said = fatal.message.replace(key, "***") if key else fatal.message
            fatal.message = f"openai:{self.endpoint.model}: {said}"
            raise
        return replace(failure, text=failure.text.replace(key, "***")) if key else failure

    def _backoff(self, tries: int) -> float:
        longest = min(LONGEST_BACKOFF, self.settings.backoff_s * 2.0 ** (tries - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  not a secret
