"""An OpenAI-compatible server on loopback, whose answers and faults a test scripts.

with serve() as server:
    server.script = lambda path, body, nth: Reply(503) if nth == 1 else say("4")
    ask(server.url)            # http://127.0.0.1:<port>/v1
    server.requests[0].body    # {"model": "m", "messages": […]}
"""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/embeddings")


@dataclass(frozen=True)
class Reply:
    """A reply to send.

    Attributes:
        body: bytes as they are, anything else as JSON.
        delay_s: seconds before the first byte, or fewer.
        ready: ends the delay, or the pause, as soon as it returns True.
        pause_after: bytes of the body after which the rest waits for `ready`.
        cut_after: bytes of the body after which the connection is reset; -1 before the status.
        drip_s: seconds before each byte of the body.
        drip_head_s: seconds before each byte of the status and the headers.
        close: the connection is closed when the reply is out, without a Connection header.
    """

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut_after: int | None = None
    drip_s: float = 0.0
    drip_head_s: float = 0.0
    close: bool = False
    ready: Callable[[], bool] = bool  # never
    pause_after: int | None = None

    def payload(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def hold(reply: Reply, ready: Callable[[], bool]) -> Reply:
    """The reply, sent after its delay as soon as `ready` returns True."""
    end = time.monotonic() + reply.delay_s
    return replace(reply, delay_s=50, ready=lambda: time.monotonic() >= end and ready())


HANG = Reply(delay_s=3600)
RESET = Reply(cut_after=-1)
Script = Callable[[str, Any, int], Reply]


@dataclass(frozen=True)
class Received:
    """A request as it arrived; `headers` by lower-case name, `at` in monotonic seconds."""

    path: str
    headers: Mapping[str, str]
    raw: bytes
    at: float

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


def answer(text: Any, *, finish: str = "stop", **more: Any) -> dict[str, Any]:
    """The body of a chat reply; `more` replaces what stands at its top."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "reply-1",
        "object": "chat.completion",
        "model": "model-2025-01-01",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
        **more,
    }


def say(text: Any, **more: Any) -> Reply:
    return Reply(body=answer(text, **more))


def refuse(status: int, message: str, headers: Mapping[str, str] | None = None, **more) -> Reply:
    """An error as the API words it; `more` holds its code, type and param."""
    return Reply(status, {"error": {"message": message, **more}}, headers or {})


def last_message(path: str, body: Any, nth: int) -> Reply:
    """Answers with what was said last; the text of a raw prompt is its own answer."""
    if "messages" in body:
        return say(body["messages"][-1]["content"])
    choice = {"index": 0, "text": body["prompt"], "finish_reason": "stop"}
    return Reply(body={**answer(""), "object": "text_completion", "choices": [choice]})


class OpenAIServer:
    """One server; set `script` at any time."""

    def __init__(self) -> None:
        self.script: Script = last_message
        self.requests: list[Received] = []
        self.paths = PATHS
        self.models: list[str] = []  # at GET /v1/models
        self.in_flight = 0
        self.max_in_flight = 0
        self.connections = 0
        self.open_connections = 0
        self.port = 0
        self._times: Counter[tuple[str, bytes]] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def bodies(self) -> list[Any]:
        return [request.body for request in self.requests]

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def stop(self, server: asyncio.Server) -> None:
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections += 1
        self.open_connections += 1
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            self.open_connections -= 1
            self._tasks.discard(task)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its reply; whether the connection may carry another."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path = head[0].split()[:2]
        pairs = (line.split(":", 1) for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, value in pairs}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "GET":
            models = {"data": [{"id": name} for name in self.models]}
            return await self._send(writer, Reply(200 if self.models else 404, models))
        self.requests.append(Received(path, headers, raw, time.monotonic()))
        self._times[path, raw] += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            if path not in self.paths:
                reply = refuse(404, f"no such path {path}")
            else:
                reply = self.script(path, json.loads(raw), self._times[path, raw])
            until = time.monotonic() + reply.delay_s
            while (left := until - time.monotonic()) > 0 and not reply.ready():
                await asyncio.sleep(min(0.02, left))
                if reader.at_eof():  # the client has given up
                    return False
            if reply.pause_after is not None:
                return await self._send_in_two(reader, writer, reply)
            return await self._send(writer, reply)
        finally:
            self.in_flight -= 1

    async def _send(self, writer: asyncio.StreamWriter, reply: Reply) -> bool:
        payload = reply.payload()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(payload))}
        headers |= reply.headers
        lines = [f"HTTP/1.1 {reply.status} Status", *(f"{k}: {v}" for k, v in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        if reply.drip_head_s:
            await self._drip(writer, head, reply.drip_head_s)
        elif reply.cut_after != -1:
            writer.write(head)
        if reply.drip_s:
            await self._drip(writer, payload, reply.drip_s)
        if reply.cut_after is not None:
            writer.write(payload[: max(0, reply.cut_after)])
            await asyncio.sleep(0.02)  # the bytes are read before the reset overtakes them
            writer.transport.abort()
            return False
        if not reply.drip_s:
            writer.write(payload)
        await writer.drain()
        return not reply.close

    async def _send_in_two(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply
    ) -> bool:
        payload = reply.payload()
        headers = {**reply.headers, "Content-Length": str(len(payload))}
        lines = ["HTTP/1.1 200 OK", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode("latin-1") + payload[: reply.pause_after])
        await writer.drain()
        while not reply.ready():
            await asyncio.sleep(0.02)
            if reader.at_eof():
                return False
        writer.write(payload[reply.pause_after :])
        await writer.drain()
        return True

    async def _drip(self, writer: asyncio.StreamWriter, sent: bytes, each_s: float) -> None:
        for byte in sent:
            await asyncio.sleep(each_s)
            writer.write(bytes([byte]))
            await writer.drain()


@contextmanager
def serve() -> Iterator[OpenAIServer]:
    """A server in a thread of its own, gone at the end with all its connections."""
    server = OpenAIServer()
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(server.start())
    thread = threading.Thread(target=loop.run_forever, name="openai-server", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(listening), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
