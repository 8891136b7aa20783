"""The rate at which one endpoint is called, learned from the requests it refuses (HTTP 429).

Requests go out freely until an endpoint refuses too many. Then they are spaced evenly: less than
the endpoint took (multiplicative decrease), then slowly more, and ever faster once the rate that it
took is passed (the curve of CUBIC, RFC 9438: https://www.rfc-editor.org/rfc/rfc9438). Where 20
requests a second were taken:

    seconds since the decrease     0     2     3     5    10    20    40
    requests a second           18.0  20.0  20.0  21.2  58.7   537   any

A token bucket of 20 a second is used to 20 a second, and refuses 2%. Random refusals of up to 5%
slow nothing down; more of them are mistaken for a limit. Retry-After pauses all requests.
"""

import asyncio
import math
import time
from contextlib import suppress

from workbench.model import Permit

WINDOW = 2.0  # seconds over which requests are counted; older ones fade out
MAX_REFUSED = 0.05  # share of the requests sent
DECREASE = 0.9  # share of the rate that was taken
GROWTH = 0.005  # CUBIC's C, per cubic second
PLATEAU = ((1 - DECREASE) / GROWTH) ** (1 / 3)  # seconds until the rate that was taken is reached
FREE_AFTER = 40.0  # seconds without a decrease, after which requests are no longer spaced
SLOW = 10.0  # requests a second; below, those seconds stretch: a refusal is a larger share
MIN_RATE = 1.0  # requests a second
STOP_CHECK = 0.25  # seconds of waiting after which the permit is checked


class RateLimiter:
    """Delays the calls to one endpoint, first come, first served.

    Args:
        now: seconds of the monotonic clock, like every time here.

    Attributes:
        answered_at: time of the last answer; minus infinity before the first.
    """

    def __init__(self, now: float) -> None:
        self.answered_at = -math.inf
        self._closed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._next_at = self._paused_until = 0.0
        self._taken = math.inf  # requests a second that were taken, at the last decrease
        self._spaced_at = self._decreased_at = -math.inf
        self._counted_at = now
        self._sent = self._refused = self._seconds = 0.0  # of the window

    async def acquire(self, permit: Permit, *, after: float = 0.0) -> bool:
        """Wait until a call may begin, `after` seconds at least; False once none may begin.

        After True, call `record_sent` before awaiting anything else.
        """
        earliest = time.monotonic() + after
        while (delay := earliest - time.monotonic()) > 0 and not self._ended(permit):
            await self._sleep(delay)
        async with self._turn:
            while not self._ended(permit):
                delay = self.delay(time.monotonic())
                if delay <= 0:
                    return True
                await self._sleep(delay)
        return False

    def close(self) -> None:
        """End every wait; no call begins any more."""
        self._closed.set()

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, because the endpoint asked for it."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def paused(self) -> bool:
        """True until the pause is over."""
        return time.monotonic() < self._paused_until

    def rate(self, now: float) -> float:
        """Requests that may be sent a second; infinity if they are not spaced."""
        seconds = now - self._decreased_at
        if seconds > FREE_AFTER:
            self._taken = math.inf
        stretched: float = seconds * min(1.0, self._taken / SLOW)
        return self._taken * (1.0 + GROWTH * math.pow(stretched - PLATEAU, 3))

    def delay(self, now: float) -> float:
        """Seconds until the next request may be sent; 0 or less: now."""
        next_at = now if self.rate(now) == math.inf else self._next_at
        return max(self._paused_until, next_at) - now

    def record_sent(self, now: float) -> None:
        """Count a request, and space the next one."""
        self._fade(now)
        self._sent += 1
        self._next_at = max(now, self._next_at) + 1 / self.rate(now)

    def record_refusal(self, sent_at: float, now: float) -> None:
        """Slow down if too many requests were refused lately.

        A refusal counts at the time its request was sent: refusals come sooner than answers, so a
        slow endpoint would otherwise seem to answer nothing.
        """
        self._fade(now)
        self._refused += math.exp((sent_at - now) / WINDOW)
        rate, too_many = self.rate(now), MAX_REFUSED * self._sent
        if rate == math.inf:
            too_many += 4 * math.sqrt(too_many)  # standard deviations, to rule out chance
        elif self._spaced_at < sent_at <= self._decreased_at:
            return  # the last decrease came after it was sent
        if self._refused <= max(1.0, too_many):
            return
        taken = (self._sent - self._refused) / max(0.25, self._seconds)
        if rate == math.inf:
            self._taken, self._spaced_at = max(MIN_RATE, taken), now
        else:  # little may have been sent lately, so the estimate counts only down to a half
            self._taken = max(MIN_RATE, taken, rate / 2)
        self._decreased_at = now

    def _fade(self, now: float) -> None:
        share = math.exp((self._counted_at - now) / WINDOW)
        self._sent *= share
        self._refused *= share
        self._seconds = WINDOW + (self._seconds - WINDOW) * share
        self._counted_at = now

    def _ended(self, permit: Permit) -> bool:
        return self._closed.is_set() or permit.should_stop()

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), min(seconds, STOP_CHECK))
