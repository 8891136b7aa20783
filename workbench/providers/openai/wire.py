"""HTTP as this provider needs it: what was never sent is told apart, no reply fills the memory.

POST /v1/chat/completions  ->  httpx2.Response, read whole
50 MB of answer            ->  httpx2.Response of the first 16 kB; extensions[USELESS] says why

The openai package's own transport over aiohttp calls every lost connection a timeout and reads
replies of any size, so this one stands in its place.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from types import TracebackType
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx2

LARGEST = 16 * 2**20  # bytes of a reply, unpacked
SHOWN = 16 * 2**10  # bytes kept of one that is larger
IDLE = 4.0  # seconds a connection is kept unused: servers begin to close theirs after 5
GOODBYES = 3  # closed connections met in a row, after which the server is taken not to be there
USELESS = "workbench.useless"  # among a response's extensions: why its body is no reply

# Raised before a byte of the request is out: nothing was done and nothing is billed.
NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)


class Held(httpx2.ConnectError):
    """The endpoint asked for a pause while a connection was made, so nothing was sent."""


class Wire(httpx2.AsyncBaseTransport):
    """A transport over aiohttp.

    It raises httpx2.ConnectError where the request was not sent, and httpx2.ReadError where it was
    and the reply is lost.

    Args:
        url: the endpoint, which decides the proxy that the environment names.
        connections: the most at once.
        held: whether nothing may be sent just now; asked right before something is, when making a
            connection has taken its time.
    """

    def __init__(self, url: str, connections: int, held: Callable[[], bool]) -> None:
        self._proxy = _proxy(httpx2.URL(url))
        self._connections = connections
        self._held = held
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Wire":
        connector = _Connections(
            limit=self._connections, ssl=httpx2.create_ssl_context(), keepalive_timeout=IDLE
        )
        connector.held = self._held
        jar = aiohttp.DummyCookieJar()  # httpx2 keeps the cookies
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        if self._session:
            await self._session.close()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The reply, its body unpacked and no larger than LARGEST."""
        assert self._session is not None
        connect = request.extensions.get("timeout", {}).get("connect")
        try:
            reply = await self._session.request(
                request.method,
                str(request.url),
                headers=request.headers.multi_items(),
                data=request.content,
                allow_redirects=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=connect),
                proxy=self._proxy,
            )
            async with reply:
                return await _read(reply, request)
        except NOT_SENT as error:
            raise httpx2.ConnectError(str(error), request=request) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.ReadError(str(error), request=request) from error


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
            for _ in range(3):  # rounds of the loop, in which it reads a goodbye that is here
                await asyncio.sleep(0)
            if connection.closed:
                connection.close()
            elif self.held():
                connection.release()
                raise Held("the endpoint has asked for a pause")
            else:
                return connection
        closed = ConnectionResetError("the server closes every connection")
        raise aiohttp.ClientConnectorError(req.connection_key, closed)


class _Body(httpx2.AsyncByteStream):
    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._reply.content.iter_any():
            yield piece


async def _read(reply: aiohttp.ClientResponse, request: httpx2.Request) -> httpx2.Response:
    """The whole reply, or the beginning of one that is too large or can't be unpacked."""
    head = httpx2.Headers(reply.raw_headers)
    packed = httpx2.Response(reply.status, headers=head, stream=_Body(reply), request=request)
    head.pop("content-encoding", None)
    head.pop("content-length", None)
    body, useless = bytearray(), ""
    try:
        async with aclosing(packed.aiter_bytes()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > LARGEST:
                    useless = f"the reply is larger than {LARGEST // 2**20} MB and was cut off"
                    break
    except httpx2.DecodingError as error:
        useless = f"the reply can't be unpacked: {error}"
    if useless:
        reply.close()  # what is left of it isn't read, so nothing else may come over it
        del body[SHOWN:]
    kept = {USELESS: useless} if useless else {}
    return httpx2.Response(
        reply.status, headers=head, content=bytes(body), request=request, extensions=kept
    )


def _proxy(url: httpx2.URL) -> str | None:
    """The proxy that the environment names for `url`."""
    known = getproxies()
    host = url.host if url.port is None else f"{url.host}:{url.port}"
    return None if proxy_bypass(host) else known.get(url.scheme) or known.get("all")
