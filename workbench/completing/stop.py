"""The request to end an invocation: gracefully at first, at once when repeated.

stop.request(signal.SIGINT)     calls in flight end and are kept; nothing new begins
stop.request(signal.SIGINT)     nothing is waited for any more
"""

import time
from dataclasses import dataclass


@dataclass
class Stop:
    """A stop request, shared by all threads of an invocation.

    Attributes:
        requested: nothing new may begin.
        signal: the signal that asked for it; 0: none did.
        immediate: the signal came twice.
        drain_s: seconds that calls in flight have to end.
    """

    requested: bool = False
    signal: int = 0
    immediate: bool = False
    drain_s: float = 60.0
    _signalled_at: float = 0.0

    def request(self, signal: int) -> None:
        """Ask for a graceful end; a second time, for an immediate one."""
        self.immediate = self.requested and bool(self.signal)
        self.signal = self.signal or signal
        self._signalled_at = self._signalled_at or time.monotonic()
        self.requested = True

    @property
    def overdue(self) -> bool:
        """True once calls in flight are no longer waited for."""
        if self.immediate:
            return True
        return bool(self.signal) and time.monotonic() - self._signalled_at > self.drain_s
