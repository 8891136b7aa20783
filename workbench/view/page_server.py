"""The requests of the live page, and who may make them.

    GET  /Vq3…/rows?numbers=0,1,2   200 [{"number": 0, …}, …]
    GET  /rows?numbers=0            404: without the token of this server
    GET  /Vq3…/   Host: evil.example:5100       403: another name that leads here

Only who has the printed address can read or rate: its path begins with a random token, which no
other user of this machine and no other page knows. A cookie would be sent to every port of
127.0.0.1, and so to servers of other users.
"""

import json
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from errno import EADDRINUSE
from hmac import compare_digest

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from workbench.canonical import JSON
from workbench.errors import ExitCode, WorkbenchError
from workbench.secrets import Redactor
from workbench.view.live_comparison import LiveComparison, RatingRequest

HOST = "127.0.0.1"
TOKEN_BYTES = 24
MAX_BODY = 64 * 1024  # bytes; a comment of 10,000 characters fits
MAX_ROWS = 500  # of a request
MAX_SEARCH = 1_000  # characters
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest is in the page
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
LOST = "open the address that workbench view has printed"


class ViewApp:
    """The application.

    Args:
        live: the comparison.
        port: that it is served on.
        redactor: removes secrets from every response.
        rated: called after each rating.
        rating_error: the reason why MLflow lacks ratings; empty: it has all, or will soon.
    """

    def __init__(
        self,
        live: LiveComparison,
        port: int,
        redactor: Redactor,
        *,
        rated: Callable[[], None] = lambda: None,
        rating_error: Callable[[], str] = str,
    ) -> None:
        self._live = live
        self._redactor = redactor
        self._rated = rated
        self._rating_error = rating_error
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        routes = [
            Route("/{token}/", self._page),
            Route("/{token}/rows", self._rows),
            Route("/{token}/more", self._more),
            Route("/{token}/search", self._search),
            Route("/{token}/state", self._state),
            Route("/{token}/rate", self._rate, methods=["POST"]),
        ]
        self._app: ASGIApp = Starlette(routes=routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, if its sender may make it."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> Response | None:
        """The response to a request that must not be answered; None: it may be."""
        headers = request.headers
        if headers.get("host", "").lower() not in self._hosts:  # a name that was made to lead here
            return PlainTextResponse(f"unknown host; {LOST}\n", 403)
        token = request.url.path.split("/")[1]
        if not compare_digest(token.encode(), self.token.encode()):
            return PlainTextResponse(f"{LOST}\n", 404)
        is_page = request.url.path == f"/{self.token}/"
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        from_here = origin is None or origin.removeprefix("http://") in self._hosts
        if not from_here or (site not in ("same-origin", "none") and not is_page):
            return PlainTextResponse("from another page\n", 403)
        if request.method == "POST" and origin is None:
            return PlainTextResponse("without an origin\n", 403)
        return None

    async def _page(self, _: Request) -> Response:
        return HTMLResponse(await run_in_threadpool(self._live.page))

    async def _rows(self, request: Request) -> Response:
        with suppress(ValueError):
            texts = request.query_params.get("numbers", "").split(",")
            numbers = [int(text) for text in texts if len(text) < 10]
            if len(texts) <= MAX_ROWS:
                return self._json(await run_in_threadpool(self._live.rows, numbers))
        return PlainTextResponse(f"numbers: at most {MAX_ROWS}, as 0,1,2\n", 400)

    async def _more(self, request: Request) -> Response:
        number = request.query_params.get("number", "")
        if not (number.isdecimal() and number.isascii() and len(number) < 10):
            return PlainTextResponse("number: as 17\n", 400)
        return self._json(await run_in_threadpool(self._live.more, int(number)))

    async def _search(self, request: Request) -> Response:
        text = request.query_params.get("q", "")
        if len(text) > MAX_SEARCH:
            return PlainTextResponse(f"q: at most {MAX_SEARCH:,} characters\n", 400)
        return self._json(await run_in_threadpool(self._live.search, text))

    async def _state(self, _: Request) -> Response:
        state = await run_in_threadpool(self._live.state)
        return self._json({**state, "rating_error": self._rating_error()})

    async def _rate(self, request: Request) -> Response:
        if request.headers.get("content-type", "") != "application/json":
            return PlainTextResponse("content-type: application/json\n", 415)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return PlainTextResponse(f"at most {MAX_BODY:,} bytes\n", 413)
        try:
            rating = RatingRequest.model_validate_json(bytes(body))
        except ValidationError as error:
            return self._json({"error": str(error.errors()[0]["msg"])}, 400)
        try:
            ratings = await run_in_threadpool(self._live.rate, rating)
        except WorkbenchError as error:
            status = 500 if error.exit_code == ExitCode.STORAGE else 409
            return self._json({"error": f"{error.message}: {error.fix}"}, status)
        self._rated()
        return self._json({"ratings": ratings})

    def _json(self, value: JSON, status: int = 200) -> Response:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        body = self._redactor.redact(text).encode("utf-8", "replace")
        return Response(body, status, media_type="application/json")


def _with_headers(send: Send) -> Send:
    headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]

    async def send_with_headers(message: dict) -> None:  # type: ignore[type-arg]
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return send_with_headers  # type: ignore[return-value]


def bind_port(port: int) -> socket.socket:
    """A socket that is bound to a port of this machine; it doesn't listen yet.

    Raises:
        WorkbenchError: the port is in use.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno != EADDRINUSE:
            raise
        raise WorkbenchError(
            f"something listens on port {port} already", fix=f"workbench view --port {port + 1}"
        ) from error
    return listener


def serve(app: ViewApp, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C; `ready` is called once requests are answered."""

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    Server(config).run(sockets=[listener])
