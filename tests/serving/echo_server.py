"""A real server on loopback, whose version answers with what it is told in the inputs.

with running_server(options) as server:
    server.post("/v1/chat/completions", {"inputs": {"text": "Hi"}}).json()
"""

import asyncio
import io
import json
import socket
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx2

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.model import Completion, Request, Usage
from workbench.serving.errors import BusyError, InputsError, MissingInputsError
from workbench.serving.http_server import ServerParts, ServerProcess
from workbench.serving.interfaces import TextPiece
from workbench.serving.request_log import RequestLog
from workbench.serving.serve_options import ServeOptions
from workbench.serving.served_names import ServedNames
from workbench.serving.source_state import SourceState
from workbench.serving.traces.types import ServedCall, ServedFeedback, TraceCounts

NAMES = ServedNames(
    task="support",
    variant="triage · echo:last",
    model_name="support.model",
    model_version="3",
    alias="production",
    prompt_uri="prompts:/support.triage/4",
)
SECRET = "Zwiebelkuchen-4711"  # in inputs: it must be in no error and in no line of the log


class EchoAnswerer:
    """Answers with the text of the request; some texts are instructions."""

    def __init__(self) -> None:
        self.holding = 0
        self.cancelled = 0
        self.released = asyncio.Event()

    async def answer(self, request: Request) -> Completion:
        text = request.body["text"]
        if text == "hold":
            self.holding += 1
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            finally:
                self.holding -= 1
        if text == "busy":
            raise BusyError(7.2)
        if text == "unreachable":
            raise WorkbenchError(f"no connection; the prompt was {SECRET}")
        if text == "fault":
            raise RuntimeError(SECRET)
        if text in ("failed", "rejected", "invalid_response"):
            return Completion(request.key, text, error=f"the model says {SECRET}")
        if text == "timeout":
            return Completion(request.key, "failed", finish_reason="timeout", error=SECRET)
        state: Any = text if text in ("truncated", "empty_output") else "ok"
        answer = "" if state == "empty_output" else text
        return Completion(request.key, state, text=answer, usage=Usage(3, len(text.split())))

    async def stream(self, request: Request) -> AsyncGenerator[TextPiece | Completion, None]:
        if request.body["text"] == "torn":
            yield TextPiece("torn")
            yield Completion(request.key, "failed", error=SECRET)
            return
        if request.body["text"].startswith("endless"):
            while True:
                yield TextPiece("endless " * 1_000)
                await asyncio.sleep(0)
        completion = await self.answer(request)
        for piece in completion.text.partition(" "):
            if piece:
                yield TextPiece(piece)
        yield completion

    async def close(self) -> None: ...


class EchoDeployment:
    """A template with the variable `text`."""

    def __init__(self) -> None:
        self.names = NAMES
        self.answerer = EchoAnswerer()

    async def prepare(self, inputs: Mapping[str, JSON]) -> Request:
        if "text" not in inputs:
            raise MissingInputsError(["text"])
        if inputs["text"] == "unrenderable":
            raise InputsError("the template can't be rendered with these inputs")
        return Request.from_body("key", {"text": str(inputs["text"])})

    def lease(self) -> AbstractContextManager[object]:
        return nullcontext()


@dataclass
class EchoDeployments:
    current: EchoDeployment | None = None
    last_error: str = ""
    source_state: SourceState | None = None


@dataclass
class ListOutbox:
    """Keeps calls in a list."""

    calls: list[ServedCall] = field(default_factory=list)
    feedback: list[ServedFeedback] = field(default_factory=list)

    def add(self, call: ServedCall) -> None:
        self.calls.append(call)

    def add_feedback(self, feedback: ServedFeedback) -> bool:
        self.feedback.append(feedback)
        return True

    def counts(self) -> TraceCounts:
        return TraceCounts(backlog=len(self.calls))

    def close(self, timeout_s: float) -> None: ...


@dataclass
class RunningServer:
    """A server in a thread of its own."""

    process: ServerProcess
    deployments: EchoDeployments
    outbox: ListOutbox
    log: io.StringIO
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    client: httpx2.Client

    @property
    def url(self) -> str:
        return self.process.address

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def answerer(self) -> EchoAnswerer:
        assert self.deployments.current
        return self.deployments.current.answerer

    def post(self, path: str, body: object, **arguments: Any) -> httpx2.Response:
        return self.client.post(path, json=body, **arguments)

    def chat(self, text: str, **fields: JSON) -> httpx2.Response:
        return self.post("/v1/chat/completions", {"inputs": {"text": text}, **fields})

    def call(self, function: Any) -> None:
        """Call a function in the server's loop."""
        self.loop.call_soon_threadsafe(function)

    def join(self) -> None:
        self.thread.join(60)
        assert not self.thread.is_alive()


@contextmanager
def running_server(
    options: ServeOptions | None = None, *, loaded: bool = True
) -> Iterator[RunningServer]:
    """A server that answers; with `loaded=False`, one that has no version yet."""
    options = options or ServeOptions("echo", port=0)
    log = io.StringIO()
    lines = RequestLog(reasons=options.verbose, stream=log)
    deployments, outbox = EchoDeployments(), ListOutbox()
    answering = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []
    process = ServerProcess(options, lines, announce=lambda _: answering.set())

    @asynccontextmanager
    async def open_parts() -> AsyncIterator[ServerParts]:
        loops.append(asyncio.get_running_loop())
        if loaded:
            deployments.current = EchoDeployment()
        yield ServerParts(deployments, outbox)

    thread = threading.Thread(target=lambda: asyncio.run(process.serve(open_parts)), daemon=True)
    thread.start()
    assert answering.wait(60)
    verify = str(options.cert) if options.cert else True
    with httpx2.Client(base_url=process.address, verify=verify, timeout=60) as client:
        server = RunningServer(process, deployments, outbox, log, loops[0], thread, client)
        try:
            yield server
        finally:
            process.stop()
            server.join()


def exchange_bytes(port: int, data: bytes) -> bytes:
    """All that a server answers to bytes on a connection of their own, until it closes it."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(data)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def events(response: httpx2.Response) -> list[Any]:
    """The data of a response's events, parsed."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]
