"""An endpoint under load: limits that are kept, faults in between, memory, files."""

import asyncio
import random
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import pytest
from asking import request_for
from openai_server import HANG, RESET, Reply, hold, last_message, refuse, say
from permits import Recorded
from processes import wait_for

from workbench.model import FailedCall, Provider, Request
from workbench.providers.openai.transport import PausedError, Transport

FOUR = say("4")
HERE = Path(__file__).resolve().parent


@dataclass
class Bucket:
    """A script: `rate` requests a second are taken, `burst` at once; none is refused after `until`.

    Attributes:
        log: seconds since the first request, and whether it was taken.
    """

    rate: float = 20.0
    burst: float = 20.0
    until: float = 3600.0
    log: list[tuple[float, bool]] = field(default_factory=list)
    begun: float = 0.0
    _tokens: float = 0.0
    _at: float = 0.0

    def __call__(self, path, body, nth) -> Reply:
        now = time.monotonic()
        if not self.begun:
            self.begun = self._at = now
            self._tokens = self.burst
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        free = now - self.begun > self.until
        taken = free or self._tokens >= 1
        self._tokens -= taken and not free
        self.log.append((now - self.begun, taken))
        return Reply(body=FOUR.body, delay_s=0.02) if taken else refuse(429, "busy")

    def between(self, first: float, last: float) -> list[bool]:
        return [taken for at, taken in self.log if first <= at < last]


@pytest.mark.slow
def test_limit_is_kept_by_64_workers_and_every_row_is_answered(ask, server):
    """E04: 20 requests a second are taken."""
    server.script = bucket = Bucket()
    completions = ask(*(f"row {n}" for n in range(230)), concurrency=64, backoff_s=0.5)
    assert {completion.state for completion in completions} == {"ok"}
    later = bucket.between(5, 10)
    assert later.count(False) <= 0.05 * len(later)


@pytest.mark.nightly
def test_all_workers_are_used_again_when_the_limit_is_gone(open_model, server):
    """8 workers could send 32 a second, and 20 a second are taken at first."""
    bucket = Bucket(rate=20.0, burst=4.0, until=1.5)
    server.script = lambda path, body, nth: replace(bucket(path, body, nth), delay_s=0.25)
    provider = open_model(concurrency=8, backoff_s=0.2)
    answers = provider.complete(request_for(provider, f"row {n}") for n in range(2000))
    in_flight = [0, 0, 0]  # requests in flight at the last three answers
    for completion in answers:
        assert completion.state == "ok"
        in_flight = [*in_flight[1:], server.in_flight]
        if time.monotonic() - bucket.begun > 5 and min(in_flight) >= 7:  # and the one that ended
            break
    answers.close()
    assert min(in_flight) >= 7
    assert len(bucket.between(2, 4)) < 2 * 28  # the rate was lowered


@pytest.mark.slow
def test_two_thousand_rows_come_through_faults_with_no_call_too_many(open_model, server):
    """5% are refused with a time to wait, 2% fail, 1% are cut, all of them on the first call."""
    drawn: Counter[str] = Counter()
    waits: dict[str, float] = {}  # seconds, by text
    calls: list[float] = []  # times at which the client began a call
    pauses: list[tuple[float, float]] = []  # begin and end, between which it may begin none

    def script(path, body, nth):
        text = body["messages"][0]["content"]
        dice = random.Random(text)
        share = dice.random()
        if nth > 1 or share >= 0.08:
            return Reply(body=last_message(path, body, nth).body, delay_s=0.02)
        fault = "held" if share < 0.05 else "failed" if share < 0.07 else "cut"
        drawn[fault] += 1
        if fault == "held":
            waits[text] = round(dice.uniform(0.05, 0.3), 3)
            return refuse(429, "later", {"Retry-After": f"{waits[text]}"})
        return refuse(500, "oops") if fault == "failed" else RESET

    @dataclass
    class Timed(Recorded):
        text: str = ""

        def record_failure(self, failed_call: FailedCall) -> None:
            if self.text in waits:
                now = time.monotonic()
                pauses.append((now, now + waits[self.text]))

        def allow_retry(self) -> bool:
            calls.append(time.monotonic())
            return True

    def requests(provider: Provider) -> Iterator[Request]:
        for text in texts:
            calls.append(time.monotonic())
            yield replace(request_for(provider, text), permit=Timed(text=text))

    server.script = script
    texts = [f"row {n}" for n in range(2000)]
    provider = open_model(concurrency=64, backoff_s=0.05)
    completions = list(provider.complete(requests(provider)))
    assert {completion.key: completion.text for completion in completions} == {
        text: text for text in texts
    }
    least = len(texts) + drawn.total()
    assert least <= len(server.requests) <= 1.01 * least
    assert sum(completion.attempts for completion in completions) == len(server.requests)
    assert len(pauses) == drawn["held"]
    assert [at for at in calls for begin, end in pauses if begin < at < end] == []


CUT = "the reply is larger than 16 MB and was cut off"


def test_nothing_is_sent_over_a_new_connection_once_the_endpoint_asks_for_a_pause(server):
    async def send() -> None:
        request = httpx2.Request("POST", f"{server.url}/chat/completions")
        async with Transport(request, 1, paused=lambda: True, connect_s=9.0) as transport:
            await transport.send(b"{}")

    with pytest.raises(PausedError, match="the endpoint has asked for a pause"):
        asyncio.run(send())
    assert server.requests == []


GROWTH = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from asking import request_for
from workbench.model import Model, open_provider

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024

settings = {"base_url": sys.argv[1], "timeout_s": 60.0}
provider = open_provider(Model("openai", "m", settings=settings))
def ask(text):
    (completion,) = provider.complete([request_for(provider, text)])
    return completion
assert ask("warm").state == "ok"
before = peak()
completion = ask("large")
shown = completion.error.replace(chr(0), "\\\\x00")
size = len(completion.raw or "")
print(peak() - before, completion.state, shown, size, completion.attempts, sep="|")
"""


def zeros(megabytes: int) -> bytes:
    """So many megabytes, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(2**20)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("plain", ["invalid_response", CUT, "16384", "1"]),
        ("bomb", ["invalid_response", CUT, "16384", "1"]),
        ("error", ["rejected", "HTTP 400: " + "\\x00" * 300, "16384", "1"]),
    ],
    ids=["plain", "bomb", "error"],
)
def test_reply_of_any_size_costs_little_memory(server, kind, wanted):
    """E21: 50 MB as they are; 700 MB packed into 0.7 MB; the same as an error."""
    replies = {
        "plain": lambda: Reply(body=b"4" * (50 * 2**20)),
        "bomb": lambda: Reply(body=zeros(700), headers={"Content-Encoding": "gzip"}),
        "error": lambda: Reply(400, zeros(700), {"Content-Encoding": "gzip"}),
    }
    large = replies[kind]()
    server.script = lambda path, body, nth: large if "large" in str(body) else FOUR
    ran = subprocess.run(
        [sys.executable, "-c", GROWTH, server.url, str(HERE), str(HERE.parents[2])],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    grown, *rest = ran.stdout.rstrip("\n").split("|")
    assert rest == wanted
    assert int(grown) < 64


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nine_hundred_cancelled_calls_leave_no_file_open(open_model, server):
    """E27"""
    server.script = lambda path, body, nth: (
        HANG if "hang" in str(body) else last_message(path, body, nth)
    )
    provider = open_model(concurrency=301, timeout_s=60.0)

    def cancelled(calls: int) -> None:
        texts = [*(f"hang {n}" for n in range(calls)), "a"]
        answers = provider.complete(request_for(provider, text) for text in texts)
        assert next(answers).text == "a"
        answers.close()

    before = open_files()
    for _ in range(3):
        cancelled(300)
    wait_for(lambda: open_files() <= before + 5)  # the server closes its own, which are here
    begun = time.monotonic()
    assert [completion.text for completion in provider.complete([request_for(provider, "b")])] == [
        "b"
    ]
    assert time.monotonic() - begun < 30


FEW_FILES = """
import sys
sys.path[:0] = sys.argv[2:]
from asking import request_for
from workbench.model import Model, open_provider

settings = {"base_url": sys.argv[1], "concurrency": 64, "timeout_s": 60.0}
provider = open_provider(Model("openai", "m", settings=settings))
requests = [request_for(provider, f"row {n}") for n in range(100)]
states = {completion.state for completion in provider.complete(requests)}
print(provider.facts["concurrency"], *states)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
@pytest.mark.parametrize(
    ("limit", "workers"), [("64:64", 16), ("64:200", 64), ("40:40", 1)], ids=["64", "soft", "40"]
)
def test_where_few_files_may_be_open_fewer_requests_are_under_way(server, limit, workers):
    """F27: the soft limit is raised; below the hard one there is no more to be had."""
    server.script = lambda path, body, nth: hold(
        Reply(body=FOUR.body, delay_s=0.03), lambda: server.max_in_flight >= workers
    )
    ran = subprocess.run(
        ["prlimit", f"--nofile={limit}", sys.executable, "-c", FEW_FILES, server.url,
         str(HERE), str(HERE.parents[2])],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == (f"{workers} ok\n", "")
    assert server.max_in_flight == workers
