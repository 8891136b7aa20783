"""A response of server-sent events, as OpenAI's API streams answers.

data: {"choices": [{"delta": {"content": "bill"}, …}], …}

data: [DONE]
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from workbench.serving.http_call import HTTPCall
from workbench.serving.http_errors import HTTPError, timed_out

DONE = b"data: [DONE]\n\n"
HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
GOODBYE_S = 1.0  # seconds for the event of an error to be sent


class SSEResponse:
    """A response whose first event is there, so that errors before it have a status of their own.

    Args:
        first: the data of the first event.
        events: the data of the others; an HTTPError becomes the last event.
    """

    def __init__(self, first: str, events: AsyncGenerator[str, None], call: HTTPCall) -> None:
        self._first = first
        self._events = events
        self._exchange = call

    @classmethod
    async def started(cls, events: AsyncGenerator[str, None], call: HTTPCall) -> "SSEResponse":
        """Return the response once it has an event.

        Raises:
            HTTPError: there is an error instead.
        """
        return cls(await anext(events), events, call)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the events."""
        try:
            async with asyncio.timeout_at(self._exchange.deadline), aclosing(self._events):
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                await _send_event(send, self._first)
                async for event in self._events:
                    await _send_event(send, event)
        except TimeoutError:
            await self._send_error(send, timed_out())
        except HTTPError as error:
            await self._send_error(send, error)
        await send({"type": "http.response.body", "body": DONE, "more_body": False})

    async def _send_error(self, send: Send, error: HTTPError) -> None:
        self._exchange.status, self._exchange.error = error.status, error.code
        async with asyncio.timeout(GOODBYE_S):
            await _send_event(send, json.dumps(error.as_json()))


async def _send_event(send: Send, data: str) -> None:
    body = b"data: %b\n\n" % data.encode("ascii")
    await send({"type": "http.response.body", "body": body, "more_body": True})
