"""The rate limiter on a simulated clock, against endpoints of many kinds."""

import heapq
import math
import random
from dataclasses import dataclass, field

import pytest

from workbench.providers.openai.rate_limiter import RateLimiter


@dataclass
class Endpoint:
    """A token bucket: `rate` requests a second, `burst` at once; after `until` all are taken.

    Attributes:
        random_share: share of the requests that is refused whatever their rate.
        latency_s: seconds until an answer; a refusal takes 0.05 s, and a request 0.01 s to arrive.
        taken: times of the requests that were taken.
        refused: times of the others.
    """

    rate: float = 20.0
    burst: float = 20.0
    latency_s: float = 0.05
    until: float = 1e9
    random_share: float = 0.0
    generator: random.Random = field(default_factory=lambda: random.Random(3))
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _tokens: float = 0.0
    _at: float = -1e9

    def takes(self, now: float) -> bool:
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        taken = now > self.until or self._tokens >= 1
        taken = taken and self.generator.random() >= self.random_share
        self._tokens -= taken
        (self.taken if taken else self.refused).append(now)
        return taken

    def refused_share(self, first: float, last: float) -> float:
        """Share of the requests between two times that was refused."""
        refused = sum(first <= at < last for at in self.refused)
        return refused / max(1, refused + self.taken_rate(first, last) * (last - first))

    def taken_rate(self, first: float, last: float) -> float:
        """Requests a second that were taken between two times."""
        return sum(first <= at < last for at in self.taken) / (last - first)


def play(endpoint: Endpoint, *, workers: int = 64, seconds: float = 30.0) -> RateLimiter:
    """Let `workers` send all they may; after a refusal each backs off as a row does."""
    limiter, generator = RateLimiter(0.0), random.Random(7)
    waiting: list[tuple[float, int, int]] = [(0.0, n, 0) for n in range(workers)]
    replies: list[tuple[float, int, float, int]] = []
    count, now = workers, 0.0
    while now < seconds:
        count += 1
        if replies and (not waiting or replies[0][0] <= max(now, waiting[0][0])):
            now, _, sent_at, tries = heapq.heappop(replies)
            if tries < 0:
                limiter.answered_at = now
                heapq.heappush(waiting, (now, count, 0))
            else:
                limiter.record_refusal(sent_at, now)
                backoff = min(30.0, 0.5 * 2**tries) * generator.uniform(0.5, 1.0)
                heapq.heappush(waiting, (now + backoff, count, tries + 1))
            continue
        now = max(now, waiting[0][0])
        if (delay := limiter.delay(now)) > 0:
            now += min(delay, 0.001) if replies and replies[0][0] < now + delay else delay
            continue
        _, _, tries = heapq.heappop(waiting)
        limiter.record_sent(now)
        taken = endpoint.takes(now + 0.01)
        heapq.heappush(
            replies,
            (now + (endpoint.latency_s if taken else 0.05), count, now, -1 if taken else tries),
        )
    return limiter


@pytest.mark.parametrize(
    ("endpoint", "workers"),
    [
        (Endpoint(), 64),
        (Endpoint(), 16),
        (Endpoint(burst=5), 64),
        (Endpoint(latency_s=0.5), 64),
        (Endpoint(latency_s=3.0), 256),
        (Endpoint(rate=100.0, burst=100.0), 64),
        (Endpoint(rate=5.0, burst=5.0), 64),
    ],
    ids=[
        "64",
        "16",
        "small burst",
        "slow answers",
        "very slow answers",
        "100 a second",
        "5 a second",
    ],
)
def test_limit_is_used_and_hardly_overrun(endpoint, workers):
    play(endpoint, workers=workers)
    assert endpoint.refused_share(5, 30) <= 0.05
    assert endpoint.taken_rate(5, 30) >= 0.9 * endpoint.rate


def test_endpoint_that_refuses_nothing_is_not_held_back():
    endpoint = Endpoint(rate=1e9, burst=1e9)
    limiter = play(endpoint, seconds=3.0)
    assert limiter.rate(3.0) == math.inf
    assert endpoint.taken_rate(1, 3) == pytest.approx(64 / endpoint.latency_s, rel=0.2)


@pytest.mark.parametrize("seed", range(12))
def test_random_refusals_hold_nothing_back(seed):
    endpoint = Endpoint(rate=1e9, burst=1e9, random_share=0.05, generator=random.Random(seed))
    limiter = play(endpoint, seconds=6.0)
    assert limiter.rate(6.0) == math.inf
    assert endpoint.refused_share(1, 6) == pytest.approx(0.05, abs=0.02)
    assert endpoint.taken_rate(1, 6) > 0.6 * 64 / endpoint.latency_s


def test_one_refusal_alone_holds_nothing_back():
    limiter = RateLimiter(0.0)
    for n in range(100):
        limiter.record_sent(n / 100)
    limiter.record_refusal(0.5, 1.0)
    assert (limiter.rate(1.0), limiter.delay(1.0)) == (math.inf, 0.0)


def test_refusals_set_the_rate_below_what_was_taken():
    limiter = RateLimiter(0.0)
    for n in range(60):
        limiter.record_sent(n / 30)
    for n in range(0, 60, 3):
        limiter.record_refusal(n / 30, 2.0)
    assert limiter.rate(2.0) == pytest.approx(0.9 * 20, rel=0.1)


def test_nothing_is_held_back_once_the_limit_is_gone():
    endpoint = Endpoint(until=5.0)
    limiter = play(endpoint, seconds=50.0)
    assert limiter.rate(50.0) == math.inf
    assert endpoint.refused_share(6, 50) == 0.0
    assert endpoint.taken_rate(35, 40) == pytest.approx(64 / endpoint.latency_s, rel=0.2)


def test_endpoint_that_refused_everything_for_a_while_is_called_freely_again():
    limiter = RateLimiter(0.0)
    for n in range(40):
        limiter.record_sent(n / 20)
        limiter.record_refusal(n / 20, n / 20)
    assert limiter.rate(2.0) < 2.0
    assert limiter.rate(60.0) == math.inf
