"""The echo server as a process: `python echo_main.py TIMEOUT_S` prints its address."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from echo_server import EchoDeployment, EchoDeployments

from workbench.serving.http_server import ServerParts, ServerProcess
from workbench.serving.request_log import RequestLog
from workbench.serving.serve_options import ServeOptions


@asynccontextmanager
async def open_parts() -> AsyncIterator[ServerParts]:
    yield ServerParts(EchoDeployments(EchoDeployment()))


options = ServeOptions("echo", port=0, timeout=float(sys.argv[1]))
process = ServerProcess(options, RequestLog(), lambda _: print(process.address, flush=True))
process.run(open_parts)
