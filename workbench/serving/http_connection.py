"""A connection with limits of time and size: slow senders and slow readers are hung up on.

A request's headers must arrive within seconds and 64 kB, and what the client doesn't read must not
wait in memory. The body's time is limited where it is read.
"""

import asyncio
import resource
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from workbench.serving.app import TASK

UNREAD_S = 30.0  # seconds that a client may leave an answer unread
MOST_CONNECTIONS = 1_000
OTHER_FILES = 100  # that a server may have open besides connections of clients
MOST_HEADER_BYTES = 64 * 1024
LINGER_S = 2.0  # seconds in which a client that still sends is read, so that it gets a refusal
LINGER_BYTES = 32_000_000


def allowed_connections() -> int:
    """Connections of clients that this process can hold, once it may open enough files."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = MOST_CONNECTIONS + OTHER_FILES
    if 0 <= limit < enough:  # below 0: any number
        limit = enough if most < 0 else min(most, enough)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    return MOST_CONNECTIONS if limit < 0 else max(1, min(MOST_CONNECTIONS, limit - OTHER_FILES))


class _LingeringTransport:
    """A transport whose end may have to wait, and which sends head and body in one packet.

    Args:
        linger: called before it closes; returns True if it must stay open for a while.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        linger: Callable[[], bool],
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._linger = linger
        self._lingers = False
        self._unsent: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(data)

    def _send(self) -> None:
        if self._unsent:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()

    def write_eof(self) -> None:
        self._send()
        self._transport.write_eof()

    def is_closing(self) -> bool:
        return self._lingers or self._transport.is_closing()

    def close(self) -> None:
        self._send()
        self._lingers = not self._lingers and self._linger()
        if not self._lingers:
            self._transport.close()


class HTTPConnection(H11Protocol):
    """A connection of a client.

    Args:
        receive_s: seconds for the headers of a request to arrive.
        most: connections that are open at once.
    """

    _header_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    _linger_timer: asyncio.TimerHandle | None = None
    _lingered = 0  # bytes that were thrown away

    def __init__(self, *, receive_s: float, most: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._receive_s = receive_s
        self._most = most

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; refuse one connection too many."""
        waiting = _LingeringTransport(transport, self.loop, self._linger)
        super().connection_made(waiting)  # type: ignore[arg-type]
        if len(self.connections) > self._most:
            transport.abort()
            return
        self._header_timer = self.loop.call_later(self._receive_s, self._hang_up)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on, and watch the time while the headers are incomplete."""
        if self._linger_timer is not None:
            self._lingered += len(data)
            if self._lingered > LINGER_BYTES:
                self._hang_up()
            return
        super().data_received(data)
        self._watch_headers()

    def on_response_complete(self) -> None:
        """Watch the time of a next request that has begun already."""
        super().on_response_complete()
        if self.conn.trailing_data[0]:
            self._watch_headers()

    def _watch_headers(self) -> None:
        if self._in_call:
            self._stop_header_timer()
        elif self._header_timer is None and not self.transport.is_closing():
            self._header_timer = self.loop.call_later(self._receive_s, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the request that is being answered: nobody waits for it."""
        was_answering = self._in_call
        super().connection_lost(exc)
        self._stop_header_timer()
        self._stop_unread_timer()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        task = self.scope["state"].get(TASK) if was_answering else None
        if task is not None:
            task.cancel()

    def pause_writing(self) -> None:
        """Note that the client doesn't read."""
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_S, self._hang_up)

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        super().resume_writing()
        self._stop_unread_timer()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, even where an answer lies unread."""
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    @property
    def _in_call(self) -> bool:
        """True while a request is read or answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def _linger(self) -> bool:
        """Begin to throw away what a refused client still sends; False: it has sent everything.

        Closing at once would reset the connection, and the client would lose the refusal.
        """
        transport = self.transport
        if self.conn.their_state is not h11.SEND_BODY or transport.is_closing():
            return False
        if transport.can_write_eof():
            transport.write_eof()
        self.flow.resume_reading()
        self._linger_timer = self.loop.call_later(LINGER_S, self._hang_up)
        return True

    def _hang_up(self) -> None:
        self.transport.abort()

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None
