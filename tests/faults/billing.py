"""A server that bills every request that it received completely, even if the client is gone.

with billing(delays=(0.005, 0.03)) as till:
    …
    till.billed(request)      # how often
"""

import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from openai_server import OpenAIServer, Reply, hold, last_message, serve
from processes import wait_for

from workbench.canonical import canonical_json
from workbench.model import Request


@dataclass
class Till:
    """Requests received, by body."""

    server: OpenAIServer

    @property
    def url(self) -> str:
        return self.server.url

    def bills(self, *, since: int = 0) -> Counter[str]:
        """Number of times that each body was received, from a number of requests on."""
        return Counter(canonical_json(received.body) for received in self.server.requests[since:])

    def billed(self, requests: Mapping[str, Request], *, since: int = 0) -> Counter[str]:
        """The same by the key of the request that has the body."""
        bills = self.bills(since=since)
        return Counter(
            {key: bills[canonical_json(dict(one.body))] for key, one in requests.items()}
        )

    def wait_for(self, requests: int) -> None:
        """Return once so many requests were received."""
        wait_for(lambda: len(self.server.requests) >= requests)

    @contextmanager
    def holding(self, after: int) -> Iterator[None]:
        """Hold the replies to all but the first requests until the end of the block.

        So a run that is killed in the block has not ended before, however late the kill comes.
        """
        script, over = self.server.script, threading.Event()

        def held(path: str, body: Any, nth: int) -> Reply:
            reply, is_first = script(path, body, nth), len(self.server.requests) <= after
            return reply if is_first else hold(reply, over.is_set)

        self.server.script = held
        try:
            yield
        finally:
            over.set()


@contextmanager
def billing(delays: tuple[float, float] = (0.005, 0.03), seed: int = 0) -> Iterator[Till]:
    """Reply with the last message, after a delay."""
    chance = random.Random(seed)

    def script(path: str, body: Any, nth: int) -> Reply:
        return replace(last_message(path, body, nth), delay_s=chance.uniform(*delays))

    with serve() as server:
        server.script = script
        yield Till(server)
