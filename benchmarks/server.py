"""A mock OpenAI-compatible endpoint on loopback, so cheap that it is not what is measured.

python -m benchmarks.server --latency-ms 50     prints http://127.0.0.1:<port>/v1 and serves
POST /v1/chat/completions, /v1/completions      "yes" or "no", by the digest of the request
GET  /stats                                     {"requests": 2000, "window_s": 1.6, …}
POST /reset                                     counts begin anew
"""

import argparse
import asyncio
import json
import re
import time
import zlib
from dataclasses import dataclass
from typing import Any

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
CHAT = (
    '{"id": "mock-1", "object": "chat.completion", "created": 1700000000, "model": "%s", '
    '"choices": [{"index": 0, "message": {"role": "assistant", "content": "%s"}, '
    '"logprobs": null, "finish_reason": "stop"}], '
    '"usage": {"prompt_tokens": %d, "completion_tokens": 1, "total_tokens": %d}}'
)
TEXT = CHAT.replace("chat.completion", "text_completion").replace(
    '"message": {"role": "assistant", "content": "%s"}', '"text": "%s"'
)
BACKLOG = 4096


def answer_to(text: str) -> str:
    """The mock model's answer: about half of all texts get a yes, and each the same one always."""
    return "yes" if zlib.crc32(text.encode()) & 1 else "no"


@dataclass
class Counts:
    """Of one measurement; times in seconds of time.monotonic(), which all processes share."""

    requests: int = 0
    answers: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    first_request: float = 0.0
    last_answer: float = 0.0
    last_change: float = 0.0
    flight_s: float = 0.0

    def came(self) -> None:
        now = time.monotonic()
        if not self.requests:
            self.first_request = self.last_change = now
        self.flight_s += self.in_flight * (now - self.last_change)
        self.last_change = now
        self.requests += 1
        self.in_flight += 1
        if self.in_flight > self.max_in_flight:
            self.max_in_flight = self.in_flight

    def went(self) -> None:
        now = time.monotonic()
        self.flight_s += self.in_flight * (now - self.last_change)
        self.last_change = self.last_answer = now
        self.answers += 1
        self.in_flight -= 1

    def as_json(self) -> dict[str, float]:
        window = max(0.0, self.last_answer - self.first_request)
        return {
            "requests": self.requests,
            "answers": self.answers,
            "max_in_flight": self.max_in_flight,
            "mean_in_flight": self.flight_s / window if window else 0.0,
            "first_request": self.first_request,
            "last_answer": self.last_answer,
            "window_s": window,
        }


class Endpoint:
    """The state that all connections share.

    Args:
        latency_s: seconds between the last byte of a request and the first of its answer.
    """

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.counts = Counts()

    def control(self, method: bytes, path: bytes) -> bytes:
        """The answer to anything that is not a completion."""
        if path == b"/stats":
            return reply(self.counts.as_json())
        if method == b"POST" and path == b"/reset":
            self.counts = Counts()
            return reply({})
        if path.endswith(b"/models"):
            return reply({"object": "list", "data": [{"id": "mock", "object": "model"}]})
        return MISSING


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, and no more of it than clients of this API use."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.loop = asyncio.get_running_loop()
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self.buffer, 0, end)
            last = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < last:
                return
            head, body = self.buffer[:end], self.buffer[end + 4 : last]
            self.buffer = self.buffer[last:]
            self.request_received(head, body)

    def request_received(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        if not path.endswith(b"/completions"):
            self.transport.write(self.endpoint.control(method, path))
            return
        counts = self.endpoint.counts
        counts.came()
        payload = completion(json.loads(body))
        if self.endpoint.latency_s:
            self.loop.call_later(self.endpoint.latency_s, self.answer, counts, payload)
        else:
            self.answer(counts, payload)

    def answer(self, counts: Counts, payload: bytes) -> None:
        counts.went()
        self.transport.write(payload)


def completion(request: dict[str, Any]) -> bytes:
    """The whole reply to a body of either kind; a token is a word."""
    chat = "messages" in request
    texts = [message["content"] for message in request["messages"]] if chat else [request["prompt"]]
    texts = [text if isinstance(text, str) else joined(text) for text in texts]
    read = sum(len(text.split()) for text in texts)
    words = (request.get("model", "mock"), answer_to(texts[-1]), read, read + 1)
    payload = ((CHAT if chat else TEXT) % words).encode()
    return HEAD % len(payload) + payload


def joined(content: Any) -> str:
    """A message's text that comes in parts, or a prompt in a list of one."""
    return "".join(part if isinstance(part, str) else part.get("text", "") for part in content)


def reply(value: Any) -> bytes:
    payload = json.dumps(value).encode()
    return HEAD % len(payload) + payload


async def serve(latency_s: float, port: int) -> None:
    loop = asyncio.get_running_loop()
    endpoint = Endpoint(latency_s)
    server = await loop.create_server(
        lambda: Connection(endpoint), "127.0.0.1", port, backlog=BACKLOG
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="A mock OpenAI-compatible endpoint on 127.0.0.1.")
    parser.add_argument("--latency-ms", type=float, default=50.0)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    args = parser.parse_args()
    asyncio.run(serve(args.latency_ms / 1000, args.port))


if __name__ == "__main__":
    main()
