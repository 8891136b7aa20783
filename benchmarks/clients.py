"""2,000 requests through a bare loop: the limit for `workbench run`.

python -m benchmarks.clients aiohttp http://127.0.0.1:8000/v1 2000 64
python -m benchmarks.clients openai http://127.0.0.1:8000/v1 2000 64
{"cpu_s": 0.43}     on stdout: user and system time of the loop, imports left out
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from benchmarks.project import prompt, row

Ask = Callable[[dict[str, Any]], Awaitable[str]]


def bodies(rows: int) -> list[dict[str, Any]]:
    """The bodies that Workbench sends for the same rows."""
    return [
        {
            "model": "mock",
            "messages": [{"role": "user", "content": prompt(row(number)["question"])}],
            "temperature": 0,
            "max_tokens": 8,
        }
        for number in range(rows)
    ]


async def ask_all(ask: Ask, requests: Iterable[dict[str, Any]], concurrency: int) -> list[str]:
    """The answers in the order of the requests."""
    left = iter(enumerate(requests))
    answers: dict[int, str] = {}

    async def work() -> None:
        for number, body in left:
            answers[number] = await ask(body)

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return [answers[number] for number in range(len(answers))]


async def with_aiohttp(url: str, requests: list[dict[str, Any]], concurrency: int) -> list[str]:
    import aiohttp

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def ask(body: dict[str, Any]) -> str:
            async with session.post(f"{url}/chat/completions", json=body) as reply:
                return (await reply.json())["choices"][0]["message"]["content"]

        return await ask_all(ask, requests, concurrency)


async def with_openai(url: str, requests: list[dict[str, Any]], concurrency: int) -> list[str]:
    """As in its documentation, with the default transport."""
    import openai

    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:

        async def ask(body: dict[str, Any]) -> str:
            reply = await client.chat.completions.create(**body)
            return reply.choices[0].message.content or ""

        return await ask_all(ask, requests, concurrency)


CLIENTS = {"aiohttp": with_aiohttp, "openai": with_openai}


def main(client: str, url: str, rows: str, concurrency: str) -> None:
    __import__(client)
    requests = bodies(int(rows))
    before = time.process_time()
    answers = asyncio.run(CLIENTS[client](url, requests, int(concurrency)))
    print(json.dumps({"cpu_s": time.process_time() - before}))
    assert len(answers) == len(requests)


if __name__ == "__main__":
    main(*sys.argv[1:])
