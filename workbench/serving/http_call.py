"""One request to the server on its way: its id, its caller, and the answers it got.

HTTPCall("req_9f86…", route="/v1/chat/completions", caller="search", status=200, answers=[…])
"""

import secrets
import time
from dataclasses import dataclass, field

from workbench.serving.served_names import ServedNames
from workbench.serving.traces.types import ServedAnswer, ServedCall


def new_request_id() -> str:
    """Return `req_` and 32 hexadecimal digits."""
    return f"req_{secrets.token_hex(16)}"


@dataclass
class HTTPCall:
    """One request and its response.

    Attributes:
        route: a path of the server; `other` for unknown ones, which may hold anything.
        method: of HTTP, or `other`.
        deadline: the time of the event loop at which it is answered with 504.
        caller: the name of its token; empty without tokens.
        body_read: all bytes of the body were read.
        in_flight: it counts among those that are being answered.
        recorded: the outbox has it.
        names: of the version that answers it; None before there is one.
        answers: one for each row whose inputs were understood.
        status, error: of the response; 0 and empty until then.
        reason: of the error, which may repeat parts of the inputs: never sent, logged on request.
    """

    route: str
    method: str
    deadline: float
    request_id: str = field(default_factory=new_request_id)
    started_ns: int = field(default_factory=time.time_ns)
    started: float = field(default_factory=time.perf_counter)  # seconds of a clock that never jumps
    caller: str = ""
    body_read: bool = False
    in_flight: bool = False
    recorded: bool = False
    names: ServedNames | None = None
    answers: list[ServedAnswer] = field(default_factory=list)
    status: int = 0
    error: str = ""
    reason: str = ""

    @property
    def seconds(self) -> float:
        """Seconds since its headers arrived."""
        return time.perf_counter() - self.started

    def served_call(self) -> ServedCall | None:
        """Return it for the outbox; None: no version was asked."""
        if self.names is None or not self.answers:
            return None
        return ServedCall(
            self.request_id,
            self.route,
            self.started_ns,
            time.time_ns(),
            self.names,
            tuple(self.answers),
            status=self.status,
            caller=self.caller,
            error=self.error,
        )
