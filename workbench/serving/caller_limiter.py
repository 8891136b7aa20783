"""Limits of callers: requests a second for each token, and requests at once for all.

>>> limiter = CallerLimiter(2.0, clock=lambda: 0.0)
>>> [limiter.take("search") for _ in range(3)]
[0.0, 0.0, 0.5]
"""

import time
from collections.abc import Callable

LEAST_BURST = 1.0
MOST_CALLERS = 10_000  # names that were withdrawn and renamed pile up


class CallerLimiter:
    """A bucket of permits for each caller, which fills at a rate and holds those of one second.

    A request with many rows takes a permit for each, and leaves a debt that the next ones wait for.

    Args:
        per_second: permits; 0: there is no limit.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = max(LEAST_BURST, per_second)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # permits, and when they were counted

    def take(self, caller: str) -> float:
        """Take a permit and return 0; or return the seconds until there is one."""
        if not self._per_second:
            return 0.0
        permits = self._permits(caller)
        if permits < 1:
            return (1 - permits) / self._per_second
        self._buckets[caller] = (permits - 1, self._clock())
        return 0.0

    def charge(self, caller: str, count: int) -> None:
        """Take permits that may not be there yet."""
        if self._per_second and count:
            self._buckets[caller] = (self._permits(caller) - count, self._clock())

    def _permits(self, caller: str) -> float:
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.clear()
        now = self._clock()
        permits, counted = self._buckets.get(caller, (self._burst, now))
        return min(self._burst, permits + (now - counted) * self._per_second)
