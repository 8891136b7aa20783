"""HTTP as this provider needs it: what was never sent is told apart, no reply fills the memory.

await wire.send(b'{"model": …}')   ->  Reply(200, …), read whole
50 MB of answer                    ->  Reply of the first 16 kB; `useless` says why

The openai package's own transport over aiohttp calls every lost connection a timeout and reads
replies of any size, and what it builds for each request costs more than all the rest; so this
stands in its place (package.py asks it what to send).
"""

import asyncio
import select
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2
from multidict import CIMultiDict
from yarl import URL

LARGEST = 16 * 2**20  # bytes of a reply, unpacked
SHOWN = 16 * 2**10  # bytes kept of one that is larger
IDLE = 4.0  # seconds a connection is kept unused: servers begin to close theirs after 5
GOODBYES = 3  # closed connections met in a row, after which the server is taken not to be there
PACKING = (
    b"content-encoding",
    b"content-length",
    b"transfer-encoding",
)  # headers of a body as sent
Headers = tuple[tuple[bytes, bytes], ...]

# Raised before a byte of the request is out: nothing was done and nothing is billed.
BEFORE = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)


class NotSentError(Exception):
    """No byte of the request is out; the cause says why."""


class HeldError(NotSentError):
    """The endpoint asked for a pause while a connection was made, so nothing was sent."""


class LostReplyError(Exception):
    """The request was sent, and the reply is lost; the cause says how."""


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        headers: without those that describe how the body was packed.
        body: unpacked, no larger than LARGEST.
        useless: why the body is no reply; empty where it is one.
    """

    status: int
    headers: Headers
    body: bytes
    useless: str = ""


class Wire:
    """Connections to one endpoint; a context manager.

    Args:
        request: any request to it, with all headers: what is sent differs in the body only.
        connections: the most at once.
        held: whether nothing may be sent just now; asked right before something is, when making a
            connection has taken its time.
        connect_s: seconds that making a connection may take.
    """

    def __init__(
        self,
        request: httpx2.Request,
        connections: int,
        held: Callable[[], bool],
        *,
        connect_s: float | None = None,
    ) -> None:
        self._url = URL(str(request.url), encoded=True)
        sized = ("content-length", "transfer-encoding")
        said = request.headers.multi_items()
        self._headers = CIMultiDict((name, text) for name, text in said if name not in sized)
        self._proxy = _proxy(request.url)
        self._connections = connections
        self._held = held
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_s)
        self._ssl = httpx2.create_ssl_context()
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> "Wire":
        cookies = aiohttp.CookieJar(unsafe=True, quote_cookie=False)  # of addresses, as sent
        for anew in (False, True):
            connector = self._connector(anew)
            connector.held = self._held
            self._sessions[anew] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=cookies,
                timeout=self._timeout,
                auto_decompress=False,
            )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        for session in self._sessions.values():
            await session.close()

    async def send(self, content: bytes, *, anew: bool = False) -> Reply:
        """The reply to a POST of `content`.

        Args:
            content: its body.
            anew: on a connection of its own, which no goodbye can be under way on.

        Raises:
            NotSentError: the endpoint can't be reached.
            LostReplyError: it was, and no whole reply came.
        """
        try:
            reply = await self._sessions[anew].request(
                "POST",
                self._url,
                headers=self._headers,
                data=content,
                allow_redirects=False,
                proxy=self._proxy,
            )
            async with reply:
                return await _read(reply)
        except BEFORE as error:
            raise NotSentError(str(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise LostReplyError(str(error)) from error

    def _connector(self, anew: bool) -> "_Connections":
        if anew:
            return _Connections(limit=self._connections, ssl=self._ssl, force_close=True)
        return _Connections(limit=self._connections, ssl=self._ssl, keepalive_timeout=IDLE)


class _Connections(aiohttp.TCPConnector):
    """Never hands out a connection that the server has closed while it was not in use.

    A request written on one is lost before anybody reads it, which from the outside looks just
    like a server that died over it.
    """

    held: Callable[[], bool]

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[aiohttp.tracing.Trace],
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.connector.Connection:
        for _ in range(GOODBYES):
            connection = await super().connect(req, traces, timeout)
            if _has_news(connection):
                for _ in range(3):  # rounds of the loop, in which it reads a goodbye that is here
                    await asyncio.sleep(0)
            if connection.closed:
                connection.close()
            elif self.held():
                connection.release()
                raise HeldError("the endpoint has asked for a pause")
            else:
                return connection
        closed = ConnectionResetError("the server closes every connection")
        raise aiohttp.ClientConnectorError(req.connection_key, closed)


def _has_news(connection: aiohttp.connector.Connection) -> bool:
    """Whether something has come over a connection on which nothing is asked: a goodbye, mostly."""
    transport = connection.transport
    socket = transport.get_extra_info("socket") if transport else None
    if socket is None or socket.fileno() < 0:
        return True
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))


class _Body(httpx2.AsyncByteStream):
    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._reply.content.iter_any():
            yield piece


async def _read(reply: aiohttp.ClientResponse) -> Reply:
    """The whole reply, or the beginning of one that is too large or can't be unpacked."""
    useless = ""
    try:
        if "Content-Encoding" in reply.headers:
            packed = httpx2.Response(reply.status, headers=reply.raw_headers, stream=_Body(reply))
            async with aclosing(packed.aiter_bytes()) as pieces:
                body = await _joined(pieces)
        else:
            body = await _joined(reply.content.iter_any())
        if len(body) > LARGEST:
            useless = f"the reply is larger than {LARGEST // 2**20} MB and was cut off"
    except httpx2.DecodingError as error:
        body, useless = bytearray(), f"the reply can't be unpacked: {error}"
    if useless:
        reply.close()  # what is left of it isn't read, so nothing else may come over it
        del body[SHOWN:]
    headers = tuple(one for one in reply.raw_headers if one[0].lower() not in PACKING)
    return Reply(reply.status, headers, bytes(body), useless)


async def _joined(pieces: AsyncIterator[bytes]) -> bytearray:
    """All of them, until they are too many."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > LARGEST:
            break
    return body


def _proxy(url: httpx2.URL) -> str | None:
    """The proxy that the environment names for `url`."""
    known = getproxies()
    host = url.host if url.port is None else f"{url.host}:{url.port}"
    return None if proxy_bypass(host) else known.get(url.scheme) or known.get("all")
