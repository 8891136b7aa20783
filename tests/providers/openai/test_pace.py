"""The pace, on a clock of its own: endpoints of many kinds, played through in a moment."""

import heapq
import random
from dataclasses import dataclass, field

import pytest

from workbench.providers.openai.rate_limiter import Pace


@dataclass
class Endpoint:
    """Takes `rate` requests a second, `burst` at once; after `until` it takes them all.

    Attributes:
        by_chance: part of the requests that is refused whatever their rate.
        slow_s: seconds until an answer; a refusal takes 0.05 s, and a request 0.01 s to come in.
        taken: when requests were taken; `refused`: when they were not.
    """

    rate: float = 20.0
    burst: float = 20.0
    slow_s: float = 0.05
    until: float = 1e9
    by_chance: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(3))
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _tokens: float = 0.0
    _at: float = -1e9

    def takes(self, now: float) -> bool:
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        yes = now > self.until or self._tokens >= 1
        yes = yes and self.dice.random() >= self.by_chance
        self._tokens -= yes
        (self.taken if yes else self.refused).append(now)
        return yes

    def share(self, first: float, last: float) -> float:
        """Of the requests between two times, the part refused."""
        refused = sum(first <= at < last for at in self.refused)
        return refused / max(1, refused + self.took(first, last) * (last - first))

    def took(self, first: float, last: float) -> float:
        """Requests taken a second between two times."""
        return sum(first <= at < last for at in self.taken) / (last - first)


def play(endpoint: Endpoint, *, workers: int = 64, seconds: float = 30.0) -> Pace:
    """Lets `workers` send all they may; who is refused backs off as a row does."""
    pace, dice = Pace(0.0), random.Random(7)
    waiting: list[tuple[float, int, int]] = [(0.0, n, 0) for n in range(workers)]
    replies: list[tuple[float, int, float, int]] = []
    count, now = workers, 0.0
    while now < seconds:
        count += 1
        if replies and (not waiting or replies[0][0] <= max(now, waiting[0][0])):
            now, _, sent_at, tries = heapq.heappop(replies)
            if tries < 0:
                pace.answered(now)
                heapq.heappush(waiting, (now, count, 0))
            else:
                pace.refused(sent_at, now)
                back = min(30.0, 0.5 * 2**tries) * dice.uniform(0.5, 1.0)
                heapq.heappush(waiting, (now + back, count, tries + 1))
            continue
        now = max(now, waiting[0][0])
        if (left := pace.delay(now)) > 0:
            now += min(left, 0.001) if replies and replies[0][0] < now + left else left
            continue
        _, _, tries = heapq.heappop(waiting)
        pace.sends(now)
        yes = endpoint.takes(now + 0.01)
        heapq.heappush(
            replies, (now + (endpoint.slow_s if yes else 0.05), count, now, -1 if yes else tries)
        )
    return pace


@pytest.mark.parametrize(
    ("endpoint", "workers"),
    [
        (Endpoint(), 64),
        (Endpoint(), 16),
        (Endpoint(burst=5), 64),
        (Endpoint(slow_s=0.5), 64),
        (Endpoint(slow_s=3.0), 256),
        (Endpoint(rate=100.0, burst=100.0), 64),
    ],
    ids=["64", "16", "small burst", "slow answers", "very slow answers", "100 a second"],
)
def test_limit_is_used_and_hardly_overrun(endpoint, workers):
    play(endpoint, workers=workers)
    assert endpoint.share(5, 30) <= 0.05
    assert endpoint.took(5, 30) >= 0.9 * endpoint.rate


def test_endpoint_that_refuses_nothing_is_not_held_back():
    endpoint = Endpoint(rate=1e9, burst=1e9)
    pace = play(endpoint, seconds=3.0)
    assert pace.rate is None
    assert endpoint.took(1, 3) == pytest.approx(64 / endpoint.slow_s, rel=0.2)


@pytest.mark.parametrize("seed", range(12))
def test_refusals_that_are_chance_hold_nothing_back(seed):
    endpoint = Endpoint(rate=1e9, burst=1e9, by_chance=0.05, dice=random.Random(seed))
    pace = play(endpoint, seconds=6.0)
    assert pace.rate is None
    assert endpoint.share(1, 6) == pytest.approx(0.05, abs=0.02)
    assert endpoint.took(1, 6) > 0.6 * 64 / endpoint.slow_s


def test_one_refusal_alone_holds_nothing_back():
    pace = Pace(0.0)
    for n in range(100):
        pace.sends(n / 100)
    pace.refused(0.5, 1.0)
    assert (pace.rate, pace.delay(1.0)) == (None, 0.0)


def test_refusals_set_the_pace_below_what_was_taken():
    pace = Pace(0.0)
    for n in range(60):
        pace.sends(n / 30)
    for n in range(0, 60, 3):
        pace.refused(n / 30, 2.0)
    assert pace.rate == pytest.approx(0.95 * 20, rel=0.1)


def test_pace_is_given_up_when_the_limit_is_gone():
    endpoint = Endpoint(until=5.0)
    pace = play(endpoint, seconds=40.0)
    assert pace.rate is None
    assert endpoint.share(6, 40) == 0.0
    assert endpoint.took(35, 40) == pytest.approx(64 / endpoint.slow_s, rel=0.2)


def test_answers_keep_an_endpoint_alive_for_a_while():
    pace = Pace(0.0)
    assert not pace.alive(1.0, within=120.0)
    pace.answered(10.0)
    assert [pace.alive(at, within=120.0) for at in (10.0, 130.0, 131.0)] == [True, True, False]
