"""A permit that writes down what it is told, and says no when a test wants it to."""

from dataclasses import dataclass, field

from workbench.model import FailedCall


@dataclass
class Recorded:
    """What a provider said of the calls of one request.

    Attributes:
        allowed: how often `again` says yes.
        after: calls lost until the run is ending; None: it never is.
    """

    allowed: int = 1000
    after: int | None = None
    attempts: list[FailedCall] = field(default_factory=list)
    asked: int = 0

    @property
    def outcomes(self) -> list[str]:
        return [attempt.outcome for attempt in self.attempts]

    def should_stop(self) -> bool:
        return self.after is not None and len(self.attempts) >= self.after

    def record_failure(self, failed_call: FailedCall) -> None:
        self.attempts.append(failed_call)

    def allow_retry(self) -> bool:
        self.asked += 1
        return self.asked <= self.allowed
