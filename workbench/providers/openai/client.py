"""Sending requests, many at once; the one layer that retries.

The event loop runs in a thread of its own; completions come out of a queue as they arrive.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion, FailedCall, Permit, Request, UnlimitedPermit
from workbench.providers.openai.circuit_breaker import Streaks
from workbench.providers.openai.errors import KINDS, Failure, read_failure
from workbench.providers.openai.file_limit import make_room, most_connections
from workbench.providers.openai.reply import read_reply
from workbench.providers.openai.retry import ALIVE, Tries
from workbench.providers.openai.sdk import Package
from workbench.providers.openai.settings import OpenAISettings
from workbench.providers.openai.throttle import Gate
from workbench.providers.openai.transport import HeldError, Wire

# What has arrived, in groups; then an error, if there was one; then None.
Arrived: TypeAlias = "queue.SimpleQueue[list[Completion] | Exception | None]"


@dataclass(frozen=True)
class Endpoint:
    """An address, the key it gets, and how it is spoken to."""

    model: str
    settings: OpenAISettings
    key: str

    def complete(self, requests: Iterator[Request]) -> Iterator[Completion]:
        """As `Provider.complete`."""
        arrived: Arrived = queue.SimpleQueue()
        session = _Session(self, requests, arrived)
        thread = threading.Thread(target=session.run, name=f"openai:{self.model}", daemon=True)
        thread.start()
        try:
            while (came := arrived.get()) is not None:
                if isinstance(came, Exception):
                    raise came
                yield from came
        finally:
            session.cancel()
            thread.join()


class _Session:
    """One call of `complete`: some workers that pull, send and hand over."""

    def __init__(
        self,
        endpoint: Endpoint,
        requests: Iterator[Request],
        arrived: Arrived,
    ) -> None:
        self.endpoint = endpoint
        self.settings = endpoint.settings
        self._package = Package(endpoint.settings, endpoint.key)
        self.requests = requests
        self.arrived = arrived
        self._together: list[Completion] = []
        self.fatal: Exception | None = None
        self._permit: Permit = UnlimitedPermit()  # of the request pulled last; all are of one run
        self._streaks = Streaks()
        self._gate = Gate()
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
            self._put()
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
        connections = most_connections(settings.concurrency)
        make_room(connections)
        async with self._package as package:
            request, connect = await package.request(), package.connect_s
            async with Wire(request, connections, self._gate.held, connect_s=connect) as wire:
                await asyncio.gather(*(self._work(wire) for _ in range(connections)))

    async def _work(self, wire: Wire) -> None:
        """Pulls and sends until the requests end; after a fatal error the others finish theirs."""
        try:
            while await self._gate.passes(self._permit):
                request = next(self.requests, None)
                if request is None:
                    return
                self._permit = request.permit
                await self._send(wire, request)
        except Exception as error:  # raised in the thread that reads, once all is handed over
            self.fatal = self.fatal or error
            self._gate.close()

    async def _send(self, wire: Wire, request: Request) -> None:
        """Hands over what comes of one request, after as many tries as it takes.

        Raises:
            WorkbenchError: no other request can fare better.
        """
        tries = Tries(self.settings.backoff_s)
        while True:
            tries.calls += 1
            came = await self._call(wire, request, tries)
            if isinstance(came, Completion):
                self._hand_over(came)
                return self._stop(self._streaks.replied(came))
            now = time.monotonic()
            wait = tries.wait(came, now, alive=self._gate.pace.alive(now, ALIVE))
            said = came.text
            if wait is not None:
                if (
                    await self._gate.passes(request.permit, after=wait)
                    and request.permit.allow_retry()
                ):
                    continue
                said = f"not sent again: {said}"
            self._hand_over(
                Completion(
                    request.key,
                    "failed",
                    prefill=request.prefill,
                    error=said,
                    attempts=tries.calls,
                )
            )
            return self._stop(None if wait is not None else self._streaks.failed(came))

    def _hand_over(self, completion: Completion) -> None:
        """What comes in one round of the loop goes together, so that the reader wakes up once."""
        self._together.append(completion)
        if len(self._together) == 1:
            self._loop.call_soon(self._put)

    def _put(self) -> None:
        self.arrived.put(self._together)
        self._together = []

    async def _call(self, wire: Wire, request: Request, tries: Tries) -> Completion | Failure:
        """What comes of one call, which the gate has let pass."""
        while True:
            sent_at = time.monotonic()
            self._gate.pace.sends(sent_at)
            try:
                completion = await self._exchange(wire, request, tries)
            except KINDS as error:
                if isinstance(error, HeldError) and await self._gate.passes(request.permit):
                    continue
                return self._lost(error, request, sent_at)
            self._gate.pace.answered(time.monotonic())
            return completion

    async def _exchange(self, wire: Wire, request: Request, tries: Tries) -> Completion:
        """What the server answers; the time is for all of it, however slowly it drips."""
        content = request.text.encode("ascii")
        begun = time.monotonic()
        async with asyncio.timeout(self.settings.timeout_s):
            reply = await wire.send(content, anew=tries.unsure)
        latency = time.monotonic() - begun
        if not 200 <= reply.status < 300:
            raise await self._package.error(reply)
        raw = reply.body.decode("utf-8-sig", "replace")
        if reply.useless:
            return Completion(
                request.key,
                "invalid_response",
                prefill=request.prefill,
                error=reply.useless,
                raw=raw,
                latency_s=latency,
                attempts=tries.calls,
            )
        return read_reply(request, raw, latency_s=latency, attempts=tries.calls)

    def _lost(self, error: Exception, request: Request, sent_at: float) -> Failure:
        """What `error` means for the request, said to those it concerns.

        Raises:
            WorkbenchError: no other request can fare better.
        """
        found = read_failure(error, self.settings, request)
        failure = replace(found, text=self._hidden(found.text))
        request.permit.record_failure(FailedCall(failure.outcome, failure.text))
        if failure.stops:
            self._stop(
                WorkbenchError(failure.text, fix=failure.stops, exit_code=ExitCode.FAILED_ROWS)
            )
        if failure.too_many:
            self._gate.pace.refused(sent_at, time.monotonic())
        if failure.wait_s is not None:
            self._gate.hold(failure.wait_s)
        return failure

    def _stop(self, error: WorkbenchError | None) -> None:
        """Raises `error`, if there is one, as this model's."""
        if error:
            error.message = f"openai:{self.endpoint.model}: {self._hidden(error.message)}"
            raise error

    def _hidden(self, text: str) -> str:
        """`text` without the key, which a server may repeat."""
        return text.replace(self.endpoint.key, "***") if self.endpoint.key else text
