"""How many requests a second an endpoint takes, found out from what it refuses.

Nothing is held back until an endpoint refuses some (HTTP 429). Then:

    40 answered, 9 refused in the last 2 s   ->  19 a second, evenly
    2 s with hardly a refusal                ->  2% more, every second
    10 s without one                         ->  35% more, every second
    twice as much as is asked for            ->  nothing is held back any more

In a token bucket of 20 a second this answers 20 a second and has 2 to 4% refused. Where refusals
come at random and don't mean "slower", it is slower than it need be: 5% of them cost about half.
"""

from collections import deque

WINDOW = 2.0  # seconds that are looked at
LEAST_SPAN = 0.25  # seconds that a rate is measured over at the very beginning
LEAST = 1.0  # requests a second
REFUSALS = 2  # and more, to be taken for more than chance
TOO_MANY = 0.08  # of the requests refused: slower
HARDLY_ANY = 0.02  # of them refused: faster
BELOW = 0.95  # of what was answered is asked for after too many refusals
CAREFUL, BOLD = 0.02, 0.35  # faster, a second
QUIET = 10.0  # seconds without a refusal until it is bold
ROOMY = 2.0  # times as fast as requests come: no pace is needed


class Pace:
    """The pace of one endpoint; all times are seconds of the same clock.

    Attributes:
        rate: requests a second; None: nothing is held back.
    """

    def __init__(self, now: float) -> None:
        self.rate: float | None = None
        self._begun = self._risen = self._refused_at = now
        self._cut_at = self._next = 0.0
        self._answered_at: float | None = None
        self._sent: deque[float] = deque()
        self._answers: deque[float] = deque()
        self._refusals: deque[float] = deque()

    def delay(self, now: float) -> float:
        """Seconds until the next request may be sent; 0 or less: now."""
        self._rise(now)
        return 0.0 if self.rate is None else self._next - now

    def sends(self, now: float) -> None:
        """A request is sent."""
        self._sent.append(now)
        self._forget(now)
        if self.rate is not None:
            self._next = max(now, self._next) + 1 / self.rate

    def answered(self, now: float) -> None:
        """A reply came."""
        self._answers.append(now)
        self._answered_at = now
        self._forget(now)

    def refused(self, sent_at: float, now: float) -> None:
        """The request sent at `sent_at` was one too many."""
        self._refusals.append(now)
        self._refused_at = now
        self._forget(now)
        if sent_at < self._cut_at:
            return  # it says nothing of the pace since
        refusals = sum(at > self._cut_at for at in self._refusals)
        replies = refusals + sum(at > self._cut_at for at in self._answers)
        if refusals < REFUSALS or refusals < TOO_MANY * replies:
            return
        span = max(LEAST_SPAN, min(WINDOW, now - self._begun))
        self.rate = max(LEAST, BELOW * len(self._answers) / span)
        self._cut_at = self._risen = now
        self._next = max(self._next, now)

    def alive(self, now: float, within: float) -> bool:
        """Whether a reply came in the last `within` seconds."""
        return self._answered_at is not None and now - self._answered_at <= within

    def _rise(self, now: float) -> None:
        if self.rate is None:
            return
        self._forget(now)
        passed, self._risen = now - self._risen, now
        quiet = now - self._refused_at > QUIET
        if quiet:
            self.rate *= (1 + BOLD) ** passed
        elif len(self._refusals) <= HARDLY_ANY * (len(self._refusals) + len(self._answers)):
            self.rate *= (1 + CAREFUL) ** passed
        if quiet and self.rate > ROOMY * max(LEAST, len(self._sent) / WINDOW):
            self.rate = None

    def _forget(self, now: float) -> None:
        for times in (self._sent, self._answers, self._refusals):
            while times and times[0] < now - WINDOW:
                times.popleft()
