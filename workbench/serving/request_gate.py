"""Turns for requests: so many at once, and a bounded number that waits.

gate = RequestGate(concurrency=16, most_waiting=64)
async with gate.turn(deadline): …             # BusyError: too many wait already
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from workbench.providers.live_model import BusyError

SHORTEST_RETRY, LONGEST_RETRY = 1.0, 60.0  # seconds
WEIGHT = 0.1  # of the last turn in the mean of their durations


class RequestGate:
    """Lets requests in, first come, first served.

    Args:
        concurrency: turns at once.
        most_waiting: requests that may wait for one.
    """

    def __init__(self, concurrency: int, most_waiting: int) -> None:
        self._concurrency = concurrency
        self._most_waiting = most_waiting
        self._free = asyncio.Semaphore(concurrency)
        self._waiting = 0
        self._turn_s = SHORTEST_RETRY  # mean duration of a turn

    @asynccontextmanager
    async def turn(self, deadline: float) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the context.

        Raises:
            BusyError: too many wait, or none is free before `deadline`, in monotonic seconds.
        """
        if self._free.locked():
            await self._wait(deadline)
        else:
            await self._free.acquire()  # at once
        begin = time.monotonic()
        try:
            yield
        finally:
            self._free.release()
            self._turn_s += WEIGHT * (time.monotonic() - begin - self._turn_s)

    async def _wait(self, deadline: float) -> None:
        if self._waiting >= self._most_waiting:
            raise BusyError(self._retry_after_s())
        self._waiting += 1
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await self._free.acquire()
        except TimeoutError:
            raise BusyError(self._retry_after_s()) from None
        finally:
            self._waiting -= 1

    def _retry_after_s(self) -> float:
        """Seconds in which the requests that wait now will have had their turns."""
        seconds = self._turn_s * (self._waiting + 1) / self._concurrency
        return min(LONGEST_RETRY, max(SHORTEST_RETRY, seconds))
