"""The server's process: its socket, its parts, and its end.

ServerProcess(options, log).run(open_parts)    until SIGTERM or Ctrl-C

It listens before its parts are open, and says on `/ready` that they aren't. The first signal lets
the requests in flight finish, a second one ends at once.
"""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import uvicorn

from workbench.errors import ExitCode, WorkbenchError
from workbench.serving.app import ServerApp
from workbench.serving.checked_options import (
    check_options,
    is_loopback_address,
    tls_context,
)
from workbench.serving.http_connection import MOST_HEADER_BYTES, HTTPConnection, allowed_connections
from workbench.serving.interfaces import CurrentDeployment, ServedDeployment
from workbench.serving.request_log import RequestLog
from workbench.serving.serve_options import ServeOptions
from workbench.serving.served_models import model_id
from workbench.serving.source_state import SourceState
from workbench.serving.traces.types import Outbox

BACKLOG = 1_024  # connections that wait to be accepted
KEEP_ALIVE_S = 75  # seconds; longer than load balancers keep a connection
GIVE_UP_S = 5.0  # seconds for the end of what is still being opened
LOADING = "the first version is being loaded"
STOPPING = "Stopping after the requests in flight. Press Ctrl-C again to stop now.\n"


@dataclass(frozen=True)
class ServerParts:
    """The parts that are opened while the server listens already."""

    deployments: CurrentDeployment
    outbox: Outbox | None = None


PartsOpener = Callable[[], AbstractAsyncContextManager[ServerParts]]


class _Opening:
    """The version that answers, before there is one, and from then on."""

    opened: CurrentDeployment | None = None

    @property
    def current(self) -> ServedDeployment | None:
        return None if self.opened is None else self.opened.current

    @property
    def last_error(self) -> str:
        return LOADING if self.opened is None else self.opened.last_error

    @property
    def source_state(self) -> SourceState | None:
        return None if self.opened is None else self.opened.source_state


class _Server(uvicorn.Server):
    """uvicorn's server, whose signals are ours: it would end with the signal's own exit code."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ServerProcess:
    """A server that listens, and answers once its parts are open.

    Args:
        announce: gets a line once the first version answers.

    Attributes:
        address: as `http://127.0.0.1:5200`.
        tokens: of callers; None: there are none.

    Raises:
        WorkbenchError: an option is wrong, or the port is taken.
    """

    def __init__(
        self, options: ServeOptions, log: RequestLog, announce: Callable[[str], None] = print
    ) -> None:
        settings, tls = check_options(options, log.line), tls_context(options)
        self.log = log
        self.tokens = settings.tokens
        self._announce = announce
        self._opening = _Opening()
        self._app = ServerApp(self._opening, settings, log)
        self._listener = bind_socket(options.host, options.port)
        scheme = "http" if tls is None else "https"
        self.address = f"{scheme}://{_host_and_port(self._listener)}"
        if tls is None and not is_loopback_address(options.host):
            log.line("tokens and prompts travel unencrypted: use --cert and --key, or a proxy")
        connection = partial(
            HTTPConnection, receive_s=options.receive_timeout, most=allowed_connections()
        )
        config = uvicorn.Config(
            self._app,
            http=connection,  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(options.drain)),
            h11_max_incomplete_event_size=MOST_HEADER_BYTES,
        )
        config.load()
        config.ssl = tls
        self._server = _Server(config)

    def run(self, open_parts: PartsOpener) -> None:
        """Serve until a signal comes.

        Raises:
            WorkbenchError: the first version can't be served.
        """
        with self._listener, _forwarded_logs(self.log):
            asyncio.run(self._run(open_parts))

    async def _run(self, open_parts: PartsOpener) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop, number)
        await self.serve(open_parts)

    async def serve(self, open_parts: PartsOpener) -> None:
        """Serve until `stop` is called, in the running loop."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))
        async with AsyncExitStack() as stack:
            opening = asyncio.create_task(stack.enter_async_context(open_parts()))
            await asyncio.wait((serving, opening), return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():  # a signal came first
                opening.cancel()
                await asyncio.wait((opening,), timeout=GIVE_UP_S)
            elif error := opening.exception():
                self.stop()
                await serving
                raise error
            else:
                self._begin(opening.result())
            await serving

    def _begin(self, parts: ServerParts) -> None:
        """Answer with the parts that are open now."""
        self._app.outbox = parts.outbox
        self._opening.opened = parts.deployments
        gc.collect()
        gc.freeze()  # what is loaded stays, and need not be looked at again and again
        current = parts.deployments.current
        name = "a variant" if current is None else model_id(current.names)
        self._announce(f"{name} answers on {self.address}")

    def stop(self) -> None:
        """Let the requests in flight finish, and end."""
        self._server.should_exit = True

    def _stop(self, number: int) -> None:
        if self._server.should_exit:
            os._exit(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)
        sys.stderr.write(STOPPING)
        self.stop()


def bind_socket(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address of this machine; it doesn't listen yet.

    Raises:
        WorkbenchError: the address is not one of this machine, or the port is taken.
    """
    listener = None
    try:
        kind, _, _, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(kind, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            message, fix = f"something listens on port {port} already", f"--port {port + 1}"
        else:
            message = f"can't listen on {host}, port {port}: {error.strerror}"
            fix = "--host takes an address of this machine, --port a number from 1024 to 65535"
        raise WorkbenchError(message, fix=fix) from error
    return listener


def _host_and_port(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _ForwardingHandler(logging.Handler):
    """Writes records of the serving packages as lines of the server's log."""

    def __init__(self, log: RequestLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.line(record.getMessage())


@contextmanager
def _forwarded_logs(log: RequestLog) -> Iterator[None]:
    logger = logging.getLogger("workbench.serving")
    handler = _ForwardingHandler(log)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
