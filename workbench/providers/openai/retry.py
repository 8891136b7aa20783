"""How often one request is sent, and how long it waits in between.

HTTP 500, 500, 500  ->  waits of about 0.5, 1 and 2 s;  the fifth  ->  given up
"""

import random
from dataclasses import dataclass

from workbench.providers.openai.errors import LONGEST_WAIT, Failure

TRIES = 5
UNSURE_TRIES = 2  # of those after which the server may want to be paid twice
LEAST_WAIT = 10.0  # seconds that a named wait counts at least, so that short ones end, too
LONGEST_BACKOFF = 30.0  # seconds
ALIVE = 120.0  # seconds since an endpoint's last reply in which a 429 means "slower", not "never"


@dataclass
class Tries:
    """What became of one request so far.

    Attributes:
        backoff_s: seconds before the second try; doubled each time.
        calls: how often it was sent, or tried to be.
    """

    backoff_s: float
    calls: int = 0
    _spent: int = 0
    _unsure: int = 0
    _too_many: int = 0
    _asked_s: float = 0.0
    _held_since: float | None = None

    @property
    def unsure(self) -> bool:
        """Whether a reply got lost, on a connection that the server may have been closing."""
        return self._unsure > 0

    def wait(self, failure: Failure, now: float, *, alive: bool) -> float | None:
        """Seconds until it may be sent again; None: it is given up.

        A server that names a time to wait has done nothing yet, so that is no try; it is believed
        for LONGEST_WAIT in all. Nor is a 429 of an endpoint that answers others meanwhile.
        """
        if not failure.again:
            return None
        if failure.wait_s is not None and failure.outcome == "refused":
            self._asked_s += max(LEAST_WAIT, failure.wait_s)
            return failure.wait_s if self._asked_s <= LONGEST_WAIT else None
        if failure.too_many:
            self._too_many += 1
            self._held_since = self._held_since or now
            over = now - self._held_since > LONGEST_WAIT if alive else self._too_many >= TRIES
            return None if over else self._backoff(self._too_many)
        self._spent += 1
        self._unsure += failure.outcome == "unknown"
        over = self._spent >= TRIES or self._unsure >= UNSURE_TRIES
        return None if over else max(failure.wait_s or 0.0, self._backoff(self._spent))

    def _backoff(self, tries: int) -> float:
        longest = min(LONGEST_BACKOFF, self.backoff_s * 2.0 ** (tries - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  not a secret
