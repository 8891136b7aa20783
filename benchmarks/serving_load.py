"""Load for a server: so many connections that each send the same request again and again.

python -m benchmarks.serving_load http://127.0.0.1:5200/invocations request.json 16 10 TOKEN
{"requests": 14210, "failures": 0, "wall_s": 10.0}

It parses no more of a response than its status and length, so that little of the machine's time
is the client's.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

OK = b"200"


async def ask(host: str, port: int, request: bytes, until: float) -> tuple[int, int]:
    """Answers with status 200, and others."""
    reader, writer = await asyncio.open_connection(host, port)
    answered = failed = 0
    while time.monotonic() < until:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        start = head.index(b"content-length: ") + len(b"content-length: ")
        await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))
        succeeded = head.split(b" ", 2)[1] == OK
        answered, failed = answered + succeeded, failed + (not succeeded)
    writer.close()
    return answered, failed


async def main(url: str, file: str, connections: str, seconds: str, token: str = "") -> None:
    parts = urlsplit(url)
    body = Path(file).read_bytes()
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
        f"{authorization}content-length: {len(body)}\r\n\r\n"
    )
    assert parts.hostname
    assert parts.port
    begun = time.monotonic()
    counts = await asyncio.gather(
        *(
            ask(parts.hostname, parts.port, head.encode() + body, begun + float(seconds))
            for _ in range(int(connections))
        )
    )
    wall_s = time.monotonic() - begun
    answered, failed = (sum(column) for column in zip(*counts, strict=True))
    print(json.dumps({"requests": answered, "failures": failed, "wall_s": wall_s}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
