"""A proxy between MLflow's client and a server, with the faults of a network.

with proxied(server.port) as proxy:
    proxy.fault = lambda request: "drop" if request.nth == 3 else None
    …                     # recording goes to proxy.url
    proxy.requests        # [Request(nth=1, method="GET", path="/health", at=…), …]
"""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFUSALS = {"403": b"Permission denied", "500": b"it broke", "503": b"not now"}
NOT_FORWARDED = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Request:
    """A request that came in.

    Attributes:
        at: seconds since 1970.
    """

    nth: int
    method: str
    path: str
    at: float


# None: forwarded. A number: forwarded after so many seconds. "drop": forwarded, but the reply gets
# lost. "403", "500", "503": refused. "hang": not answered. "reset": the connection is closed.
# "lie": answered with success, but not forwarded.
Fault = Callable[[Request], str | float | None]


@dataclass
class Proxy:
    """A proxy that is running."""

    port: int
    fault: Fault = lambda request: None
    requests: list[Request] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def proxied(upstream: int) -> Iterator[Proxy]:
    """A proxy before the server that listens on the port `upstream` of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(upstream))
    server.daemon_threads = True
    server.proxy = Proxy(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.proxy.over.set()
        server.shutdown()
        server.server_close()


def _handler(upstream: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            proxy: Proxy = self.server.proxy
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = self._chunks()
            request = Request(len(proxy.requests) + 1, self.command, self.path, time.time())
            proxy.requests.append(request)
            fault = proxy.fault(request)
            if fault == "hang":
                proxy.over.wait()
            if fault in ("hang", "reset"):
                self.close_connection = True
                return
            if fault in REFUSALS:
                self._answer(int(fault), [], REFUSALS[fault])
                return
            if fault == "lie":
                self._answer(200, [("Content-Type", "application/json")], b"{}")
                return
            if isinstance(fault, int | float):
                proxy.over.wait(fault)
            try:
                status, headers, reply = self._forward(body)
            except (OSError, http.client.HTTPException):
                self.close_connection = True
                return
            if fault == "drop":
                self.close_connection = True
                return
            self._answer(status, headers, reply)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection("127.0.0.1", upstream)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in NOT_FORWARDED}
            connection.request(self.command, self.path, body, headers)
            with connection.getresponse() as reply:
                return reply.status, reply.getheaders(), reply.read()

        def _answer(self, status: int, headers: list[tuple[str, str]], reply: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in NOT_FORWARDED | {"date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None: ...

    return Handler
