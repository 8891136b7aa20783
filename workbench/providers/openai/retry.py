"""Retries of a request: the wait before each, and the last one.

HTTP 500 five times: sent again after about 0.5, 1, 2 and 4 seconds, then given up
HTTP 429 while the endpoint answers other requests: sent again for up to 10 minutes
"""

import random
from dataclasses import dataclass

from workbench.providers.openai.errors import LONGEST_WAIT, Failure

MAX_TRIES = 5
MAX_UNKNOWN = 2  # tries without a known outcome: each of them may be billed
MIN_WAIT = 10.0  # seconds that each Retry-After counts at least, so that short ones end, too
MAX_BACKOFF = 30.0  # seconds
LOADING_S = 5.0  # most seconds between two calls to a server that loads its model
ALIVE = 120.0  # seconds since an endpoint's last answer in which its 429 isn't a failed try


@dataclass
class RetryState:
    """The failed calls of one request.

    Attributes:
        backoff_s: before the second try; doubled each time.
        calls: calls begun, those without a connection too.
        unknown: replies lost, maybe on a connection that the server was closing.
    """

    backoff_s: float
    calls: int = 0
    unknown: int = 0
    _tries: int = 0
    _too_many: int = 0
    _requested_wait: float = 0.0
    _refused_since: float | None = None
    _loading_since: float | None = None
    _loading: int = 0

    def wait(self, failure: Failure, now: float, *, alive: bool) -> float | None:
        """Seconds until the next call; None: the request is given up.

        A server that asks to wait has done nothing yet, so that isn't a try; all its waits together
        may take LONGEST_WAIT. A 429 of an endpoint that is `alive` isn't a try either, and a model
        that is being loaded is waited for.
        """
        if not failure.retryable:
            return None
        if failure.loading:
            self._loading += 1
            self._loading_since = self._loading_since or now
            waits = min(LOADING_S, self._backoff(self._loading))
            return waits if now - self._loading_since <= LONGEST_WAIT else None
        if failure.wait_s is not None and failure.outcome == "refused":
            self._requested_wait += max(MIN_WAIT, failure.wait_s)
            return failure.wait_s if self._requested_wait <= LONGEST_WAIT else None
        if failure.too_many:
            self._too_many += 1
            self._refused_since = self._refused_since or now
            refused_s = now - self._refused_since
            exhausted = refused_s > LONGEST_WAIT if alive else self._too_many >= MAX_TRIES
            return None if exhausted else self._backoff(self._too_many)
        self._tries += 1
        self.unknown += failure.outcome == "unknown"
        if self._tries >= MAX_TRIES or self.unknown >= MAX_UNKNOWN:
            return None
        return max(failure.wait_s or 0.0, self._backoff(self._tries))

    def _backoff(self, tries: int) -> float:
        longest = min(MAX_BACKOFF, self.backoff_s * 2.0 ** (tries - 1))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  not a secret
