"""HTTP POST over aiohttp, with errors that tell a request never sent from a reply lost.

    b'{"model": …}'   ->  Reply(status=200, body=b'{"choices": …}', …)
    a reply of 50 MB  ->  Reply(…, body=<its first 16 kB>, fault="the reply is larger than …")

It replaces the openai package's own transport, which reports every lost connection as a timeout,
reads replies of any size, and builds each request at a higher cost than all the rest has.
"""

import asyncio
import codecs
import select
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import aiohttp
import httpx2
from multidict import CIMultiDict
from yarl import URL

from workbench.proxies import find_proxy

MAX_REPLY = 16 * 2**20  # bytes of a body, decompressed
EXCERPT = 16 * 2**10  # bytes kept of a larger one
KEEPALIVE = 4.0  # seconds an unused connection stays open; servers close theirs after 5 or more
MAX_CLOSED = 3  # new connections closed in a row, after which the server counts as unreachable
READ_HEADERS = (b"location", b"retry-after", b"retry-after-ms")  # others decide nothing here
UNPACKED = {"gzip", "deflate", "identity"}  # values of Content-Encoding
BOMS = (  # UTF-32's begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# Raised before a byte of the request is sent: nothing was done and nothing is billed.
NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)


class NotSentError(Exception):
    """No byte of the request was sent; the cause says why."""


class PausedError(NotSentError):
    """The endpoint asked for a pause while a connection was made, so nothing was sent."""


class LostReplyError(Exception):
    """The request was sent and the reply is lost; the cause says how."""


@dataclass(frozen=True)
class Reply:
    """A reply of any status.

    Attributes:
        headers: only READ_HEADERS.
        body: decompressed, at most MAX_REPLY bytes.
        fault: why the body can't be used; empty if it can.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    fault: str = ""

    @property
    def text(self) -> str:
        """The body as text: UTF-8 unless it begins with another byte order mark.

        Headers may name a charset that the body doesn't have, or that is none.
        """
        encoding = next((name for bom, name in BOMS if self.body.startswith(bom)), "utf-8-sig")
        return self.body.decode(encoding, "replace")


class Transport:
    """Connections to one endpoint; a context manager.

    Args:
        request: any request to it, with all headers; only the body differs.
        connections: the most at once.
        paused: checked again once a connection is made, which may take `connect_s` seconds.

    Attributes:
        ca_file: certificates to trust beside the system's; empty for none.
    """

    ca_file = ""

    def __init__(
        self,
        request: httpx2.Request,
        connections: int,
        paused: Callable[[], bool],
        connect_s: float,
    ) -> None:
        self._url = URL(str(request.url), encoded=True)
        self._headers = CIMultiDict(
            (name, value)
            for name, value in request.headers.multi_items()
            if name not in ("content-length", "transfer-encoding")
        )
        self._proxy = find_proxy(str(request.url)) or None
        self._connections = connections
        self._paused = paused
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_s)

    async def __aenter__(self) -> "Transport":
        # for IP addresses too, as sent
        cookies = aiohttp.CookieJar(unsafe=True, quote_cookie=False)
        ssl = httpx2.create_ssl_context()
        if self.ca_file:
            ssl.load_verify_locations(self.ca_file)

        def session(**options: Any) -> aiohttp.ClientSession:
            connector = _Connector(limit=self._connections, ssl=ssl, **options)
            connector.paused = self._paused
            return aiohttp.ClientSession(
                connector=connector,
                headers=self._headers,
                proxy=self._proxy,
                cookie_jar=cookies,
                timeout=self._timeout,
                auto_decompress=False,
            )

        self._reusing = session(keepalive_timeout=KEEPALIVE)
        self._closing = session(force_close=True)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._reusing.close()
        await self._closing.close()

    async def send(
        self,
        content: bytes,
        new_connection: bool = False,
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> Reply:
        """Return the reply to a POST of `content`.

        A `new_connection` is used for this request only; the server can't be closing it already.
        `on_chunk` gets the body of a reply that is no error as it arrives, decompressed.

        Raises:
            NotSentError: the endpoint can't be reached.
            LostReplyError: it was reached, and no complete reply came.
        """
        session = self._closing if new_connection else self._reusing
        try:
            async with session.post(self._url, data=content, allow_redirects=False) as response:
                return await _read(response, on_chunk if response.status < 300 else None)
        except NOT_SENT as error:
            raise NotSentError(str(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise LostReplyError(str(error)) from error

    async def get(self, url: str) -> Reply:
        """Return the reply to a GET of `url`, sent with the same headers.

        Raises:
            LostReplyError: there is none.
        """
        try:
            async with self._closing.get(URL(url), allow_redirects=False) as response:
                return await _read(response)
        except (aiohttp.ClientError, OSError) as error:
            raise LostReplyError(str(error)) from error


class _Connector(aiohttp.TCPConnector):
    """Skips connections that the server closed while they were unused.

    A request sent on one is lost, which looks like a server that died while answering. Any number
    of reused connections may be closed; of new ones MAX_CLOSED in a row are an unreachable server.
    """

    paused: Callable[[], bool]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._used: WeakSet[asyncio.BaseProtocol] = WeakSet()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.connector.Connection:
        closed = 0
        while closed < MAX_CLOSED:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            is_new = protocol is not None and protocol not in self._used
            if _has_input(connection):
                for _ in range(3):  # rounds of the loop, in which it reads the end of the stream
                    await asyncio.sleep(0)
            if connection.closed:
                connection.close()
                closed += is_new
            elif self.paused():
                connection.release()
                raise PausedError("the endpoint has asked for a pause")
            else:
                if protocol is not None:
                    self._used.add(protocol)
                return connection
        error = ConnectionResetError("the server closes every connection")
        raise aiohttp.ClientConnectorError(req.connection_key, error)


def _has_input(connection: aiohttp.connector.Connection) -> bool:
    """True if an unused connection has something to read: mostly the end of the stream."""
    transport = connection.transport
    socket = transport.get_extra_info("socket") if transport else None
    if socket is None or socket.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


async def _read(
    response: aiohttp.ClientResponse, on_chunk: Callable[[bytes], None] | None = None
) -> Reply:
    fault, received = "", bytearray()
    content = _record(response.content.iter_any(), received)
    encoding = response.headers.get("Content-Encoding", "")
    try:
        if encoding:
            packed = httpx2.Response(200, headers=response.raw_headers, content=content)
            async with aclosing(packed.aiter_bytes()) as chunks:
                body = await _join(chunks, on_chunk)
        else:
            body = await _join(content, on_chunk)
        if len(body) > MAX_REPLY:
            fault = f"the reply is larger than {MAX_REPLY // 2**20} MB and was cut off"
        elif set(encoding.lower().replace(",", " ").split()) - UNPACKED and not _is_utf8(body):
            fault = f"the reply is packed as {encoding[:40]!r}, though the request asks for none"
    except httpx2.DecodingError as error:
        body, fault = received or await _join(content), f"the reply can't be unpacked: {error}"
    except aiohttp.ClientPayloadError:
        if response.status < 400:
            raise
        body, fault = received, "the reply is cut off"  # its status says what happened
    if fault:
        response.close()  # its rest is unread, so the connection can't be used again
        del body[EXCERPT:]
    headers = [pair for pair in response.raw_headers if pair[0].lower() in READ_HEADERS]
    return Reply(response.status, tuple(headers), bytes(body), fault)


async def _record(chunks: AsyncIterator[bytes], received: bytearray) -> AsyncIterator[bytes]:
    """The chunks; the first EXCERPT bytes of them are added to `received`."""
    async for chunk in chunks:
        received += chunk[: EXCERPT - len(received)]
        yield chunk


async def _join(
    chunks: AsyncIterator[bytes], on_chunk: Callable[[bytes], None] | None = None
) -> bytearray:
    """All chunks, until they are more than MAX_REPLY."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if on_chunk:
            on_chunk(chunk)
        if len(body) > MAX_REPLY:
            break
    return body


def _is_utf8(body: bytearray) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
