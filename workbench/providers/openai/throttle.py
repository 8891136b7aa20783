"""Where every call to an endpoint waits until it may begin: first come, first served.

await gate.passes(permit, after=0.5)  ->  True: now; False: no call begins any more
"""

import asyncio
import time
from contextlib import suppress

from workbench.model import Permit
from workbench.providers.openai.rate_limiter import Pace

SLICE = 0.25  # seconds of waiting after which it is asked whether the run is ending


class Gate:
    """One endpoint's gate: the times it asked to wait, its pace, and the end."""

    def __init__(self) -> None:
        self.pace = Pace(time.monotonic())
        self._held_until = 0.0  # of the monotonic clock
        self._closed = asyncio.Event()
        self._turn = asyncio.Lock()

    def hold(self, seconds: float) -> None:
        """Nothing is sent for so long: the server asked for it."""
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def held(self) -> bool:
        """Whether the server's time has not come yet."""
        return time.monotonic() < self._held_until

    def close(self) -> None:
        """Nothing is sent any more, and nobody waits."""
        self._closed.set()

    async def passes(self, permit: Permit, *, after: float = 0.0) -> bool:
        """True when a call may begin, `after` seconds at the earliest; False once none may.

        Who got a True calls `pace.sends` before it waits for anything else.
        """
        earliest = time.monotonic() + after
        while (left := earliest - time.monotonic()) > 0 and not self._ended(permit):
            await self._doze(left)
        async with self._turn:
            while not self._ended(permit):
                now = time.monotonic()
                left = max(self._held_until - now, self.pace.delay(now))
                if left <= 0:
                    return True
                await self._doze(left)
        return False

    def _ended(self, permit: Permit) -> bool:
        return self._closed.is_set() or permit.should_stop()

    async def _doze(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), min(seconds, SLICE))
