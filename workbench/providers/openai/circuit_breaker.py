"""Stops a model whose endpoint isn't there, or isn't an OpenAI-compatible API.

the first 10 requests find no connection        ->  "endpoint unreachable: …"
5 replies in a row are HTML instead of JSON     ->  "5 replies in a row are not JSON: …"
20 rows in a row are refused with one message   ->  "20 rows in a row were refused: …"
"""

import re

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion
from workbench.providers.openai.errors import TOO_LONG, Failure

MAX_UNREACHABLE = 10
MAX_PAGES = 5
MAX_REFUSED = 20
START = "start the server or correct base_url, then run again"


class CircuitBreaker:
    """Counts the finished requests of one endpoint in one run."""

    def __init__(self, *, reached: bool = False) -> None:
        self._reached = reached
        self._unreachable = self._pages = self._refused = 0
        self._refusal = ""
        self._last: Failure | None = None

    def record_failure(self, failure: Failure) -> WorkbenchError | None:
        """The error to stop with after a request was given up; None: go on."""
        self._reached = self._reached or not failure.unreachable
        self._unreachable += 1
        self._last = failure
        if not failure.retryable and (error := self._count_refusal(failure.message)):
            return error
        if self._reached or self._unreachable < MAX_UNREACHABLE:
            return None
        return WorkbenchError(
            f"endpoint unreachable: the first {MAX_UNREACHABLE} requests found no connection. "
            f"{failure.message}",
            fix=START,
            exit_code=ExitCode.FAILED_ROWS,
        )

    def end(self) -> WorkbenchError | None:
        """The error if no request has found a connection, however few they were."""
        if self._reached or self._last is None:
            return None
        message = f"endpoint unreachable: {self._last.message}"
        return WorkbenchError(message, fix=START, exit_code=ExitCode.FAILED_ROWS)

    def record_completion(self, completion: Completion) -> WorkbenchError | None:
        """The error to stop with after a reply; None: go on."""
        self._reached = True
        first = (completion.raw or "").lstrip()[:1]
        not_json = first not in ("", "{", "[")  # an empty or cut reply is no page
        is_page = not_json and completion.state == "invalid_response"
        self._pages = self._pages + 1 if is_page else 0
        if completion.state != "rejected" or TOO_LONG.search(completion.error):
            self._refused, self._refusal = 0, ""
        elif error := self._count_refusal(completion.error):
            return error
        if self._pages < MAX_PAGES:
            return None
        excerpt = " ".join((completion.raw or "")[:1000].split())[:200]
        return WorkbenchError(
            f"{MAX_PAGES} replies in a row are not JSON; this looks like a login page or a proxy: "
            f"{excerpt!r}",
            fix="check base_url, and any proxy between this machine and the endpoint",
            exit_code=ExitCode.FAILED_ROWS,
        )

    def _count_refusal(self, message: str) -> WorkbenchError | None:
        """The error after too many rows in a row; numbers and ids in their messages may differ."""
        refusal = re.sub(r"\w*\d\w*", "#", message)
        self._refused = self._refused + 1 if refusal == self._refusal else 1
        self._refusal = refusal
        if self._refused < MAX_REFUSED:
            return None
        return WorkbenchError(
            f"{MAX_REFUSED} rows in a row were refused: {message}",
            fix="run again to go on after them; --retry-failed sends them again",
            exit_code=ExitCode.FAILED_ROWS,
        )
