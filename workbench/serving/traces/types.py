"""Served calls and feedback on their way to MLflow, and the outbox that takes them.

POST /v1/chat/completions  ->  outbox.add(ServedCall("req_9f86…", …, answers=(ServedAnswer(…),)))
POST /feedback             ->  outbox.add_feedback(ServedFeedback("req_9f86…", …, value=False))
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workbench.canonical import JSON
from workbench.model import Completion, Request
from workbench.serving.served_names import ServedNames

SERVER_FAULT = 500  # HTTP statuses from here on


@dataclass(frozen=True, slots=True)
class ServedAnswer:
    """One row of a call: a chat completion has one, `/invocations` one for each row.

    Attributes:
        inputs: the row's variables, as the client sent them.
        request: the body for the model; None: it was never made.
        completion: None: no model was asked.
        sent_ns, answered_ns: nanoseconds since 1970; 0: not known, and the completion's latency
            counts from the end of the call.
    """

    inputs: Mapping[str, JSON]
    request: Request | None = None
    completion: Completion | None = None
    sent_ns: int = 0
    answered_ns: int = 0


@dataclass(frozen=True, slots=True)
class ServedCall:
    """One request to the server, and what was answered: a trace.

    Attributes:
        request_id: `req_` and 32 hexadecimal digits; the trace is `tr-` and the same digits.
        route: `/v1/chat/completions`.
        started_ns, ended_ns: nanoseconds since 1970.
        status: of the HTTP reply.
        caller: the name of its token, never the token; empty without tokens.
        error: the message of the reply; empty if it succeeded.
    """

    request_id: str
    route: str
    started_ns: int
    ended_ns: int
    names: ServedNames
    answers: tuple[ServedAnswer, ...] = ()
    status: int = 200
    caller: str = ""
    error: str = ""

    @property
    def failed(self) -> bool:
        """True if the server or a model failed; a client's mistake is no failure."""
        completions = (answer.completion for answer in self.answers)
        return self.status >= SERVER_FAULT or any(
            completion is not None and not completion.scored for completion in completions
        )


@dataclass(frozen=True, slots=True)
class ServedFeedback:
    """A person's opinion of the answer to a request.

    Attributes:
        value: true or false, a number, or a text.
        source: the person; feedback of the same source and name replaces the one before.
        caller: the name of the token that it came with; empty without tokens.
        created_ns: nanoseconds since 1970.
    """

    request_id: str
    value: bool | float | str
    name: str = "user_feedback"
    rationale: str = ""
    source: str = "user"
    caller: str = ""
    created_ns: int = field(default_factory=time.time_ns)


@dataclass(frozen=True, slots=True)
class TraceCounts:
    """Counts of records, which are traces and feedback, for the server's metrics.

    Attributes:
        backlog: on disk, and not in MLflow yet.
        written: taken by MLflow since the outbox exists.
        dropped: lost since the server's start: the outbox was full, or the disk refused them.
        refused: by MLflow for good since the outbox exists; they are in `refused.jsonl`.
    """

    backlog: int = 0
    written: int = 0
    dropped: int = 0
    refused: int = 0


class Outbox(Protocol):
    """Takes what was served; any thread may call it, and no method raises or waits for MLflow."""

    def add(self, call: ServedCall) -> None:
        """Keep the call for MLflow if it is sampled.

        Call it before the last byte of the answer is sent: then an answered request has its trace
        even if the server is killed.
        """

    def add_feedback(self, feedback: ServedFeedback) -> bool:
        """Keep the feedback for MLflow; False: its request has no trace, and can't get one."""

    def counts(self) -> TraceCounts:
        """Counts for metrics."""

    def close(self, timeout_s: float) -> None:
        """Wait at most `timeout_s` until MLflow has everything; the next start sends the rest."""
