"""How many requests a second an endpoint takes, found out from what it refuses.

Nothing is held back until an endpoint refuses some (HTTP 429). Then:

    of 60 sent in 2 s it refused 20       ->  19 a second, evenly
    2 s with hardly a refusal             ->  2% more, every second
    10 s without one                      ->  35% more, every second
    twice as much as anybody asks for     ->  nothing is held back any more

A refusal is judged at the time its request was sent, because answers take longer than refusals and
a slow endpoint would otherwise seem to answer nothing. A token bucket of 20 a second is used up to
20 a second, and refuses 2 to 4%. Refusals that come at random and don't mean "slower" hold nothing
back while they are few; above 8%, this is slower than it need be.
"""

from bisect import bisect_right, insort

WINDOW = 2.0  # seconds that are looked at
LEAST_SPAN = 0.25  # seconds that a rate is measured over at the very beginning
LEAST = 1.0  # requests a second
REFUSALS = 2  # and more, to be taken for more than chance
TOO_MANY = 0.08  # of the requests refused: slower
CHANCE = 2.0  # standard deviations above that, to begin with
HARDLY_ANY = 0.02  # of them refused: faster
BELOW = 0.95  # of what was taken is asked for after too many refusals
LONG = 10.0  # seconds that are looked at, too, lest a moment in which little was sent counts alone
FLOOR = 0.6  # of what was taken in that time is asked for at least
CAREFUL, BOLD = 0.02, 0.35  # faster, a second
QUIET = 10.0  # seconds without a refusal until it is bold
ROOMY = 2.0  # times as fast as requests come: no pace is needed
KEPT = 60.0  # seconds until a request is forgotten


class Pace:
    """The pace of one endpoint; all times are seconds of the same clock.

    Attributes:
        rate: requests a second; None: nothing is held back.
    """

    def __init__(self, now: float) -> None:
        self.rate: float | None = None
        self._begun = self._risen = self._refused_at = now
        self._next = self._cut_at = 0.0
        self._answered_at: float | None = None
        self._sent: list[float] = []  # times of sending, in order
        self._refused: list[float] = []  # those among them that were refused

    def delay(self, now: float) -> float:
        """Seconds until the next request may be sent; 0 or less: now."""
        self._rise(now)
        return 0.0 if self.rate is None else self._next - now

    def sends(self, now: float) -> None:
        """A request is sent."""
        self._sent.append(now)
        for times in (self._sent, self._refused):
            if times and times[0] < now - 2 * KEPT:  # seldom, because it moves all the others
                del times[: bisect_right(times, now - KEPT)]
        if self.rate is not None:
            self._next = max(now, self._next) + 1 / self.rate

    def answered(self, now: float) -> None:
        """A reply came."""
        self._answered_at = now

    def refused(self, sent_at: float, now: float) -> None:
        """The request sent at `sent_at` was one too many."""
        insort(self._refused, sent_at)
        self._refused_at = now
        last = self._refused[-1]  # requests overtake each other on their way
        sent, refused = self._counts(last, WINDOW)
        many = TOO_MANY * sent
        if self.rate is None:  # so far it has taken all; a few are as likely to be chance
            many += CHANCE * many**0.5
        if refused < max(REFUSALS, many):
            return
        now_taken, long_taken = self._taken(last, WINDOW), self._taken(last, LONG)
        lower = max(LEAST, BELOW * now_taken, FLOOR * long_taken)
        known_better = last < self._cut_at  # more is known now of the time before the last cut
        if self.rate is None or lower < self.rate or known_better:
            self.rate, self._risen = lower, now
            self._cut_at = self._cut_at if known_better else now

    def alive(self, now: float, within: float) -> bool:
        """Whether a reply came in the last `within` seconds."""
        return self._answered_at is not None and now - self._answered_at <= within

    def _rise(self, now: float) -> None:
        if self.rate is None:
            return
        passed, self._risen = now - self._risen, now
        quiet = now - self._refused_at > QUIET
        sent, refused = self._counts(now, WINDOW)
        if quiet:
            self.rate *= (1 + BOLD) ** passed
        elif refused <= HARDLY_ANY * sent:
            self.rate *= (1 + CAREFUL) ** passed
        if quiet and self.rate > ROOMY * max(LEAST, sent / WINDOW):
            self.rate = None

    def _taken(self, at: float, seconds: float) -> float:
        """Requests a second that were not refused of those sent in the `seconds` before `at`."""
        sent, refused = self._counts(at, seconds)
        return (sent - refused) / max(LEAST_SPAN, min(seconds, at - self._begun))

    def _counts(self, at: float, seconds: float) -> tuple[int, int]:
        """Requests sent in the `seconds` up to `at`, and how many of them were refused."""
        sent, refused = (
            bisect_right(times, at) - bisect_right(times, at - seconds)
            for times in (self._sent, self._refused)
        )
        return sent, refused
