"""A permit that records failures, and refuses retries when a test wants it to."""

from dataclasses import dataclass, field

from workbench.model import FailedCall


@dataclass
class Recorded:
    """The failed calls of one request.

    Attributes:
        allowed: how many retries it allows.
        answered_before: as in `Permit`.
        after: calls lost until the run is ending; None: it never is.
    """

    allowed: int = 1000
    answered_before: bool = False
    after: int | None = None
    failed_calls: list[FailedCall] = field(default_factory=list)
    retries_requested: int = 0

    @property
    def outcomes(self) -> list[str]:
        return [failed_call.outcome for failed_call in self.failed_calls]

    def should_stop(self) -> bool:
        return self.after is not None and len(self.failed_calls) >= self.after

    def record_failure(self, failed_call: FailedCall) -> None:
        self.failed_calls.append(failed_call)

    def allow_retry(self) -> bool:
        self.retries_requested += 1
        return self.retries_requested <= self.allowed
