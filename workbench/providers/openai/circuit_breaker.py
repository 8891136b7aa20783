"""Stops a model whose endpoint isn't there, or isn't an OpenAI-compatible API.

the first 10 requests find no connection        ->  "endpoint unreachable: …"
5 replies in a row are HTML instead of JSON     ->  "5 replies in a row are not JSON: …"
"""

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion
from workbench.providers.openai.errors import Failure

MAX_UNREACHABLE = 10
MAX_PAGES = 5


class CircuitBreaker:
    """Counts the finished requests of one endpoint in one run."""

    def __init__(self) -> None:
        self._reached = False
        self._unreachable = self._pages = 0

    def record_failure(self, failure: Failure) -> WorkbenchError | None:
        """The error to stop with after a request was given up; None: go on."""
        self._reached = self._reached or not failure.unreachable
        self._unreachable += 1
        if self._reached or self._unreachable < MAX_UNREACHABLE:
            return None
        return WorkbenchError(
            f"endpoint unreachable: the first {MAX_UNREACHABLE} requests found no connection. "
            f"{failure.message}",
            fix="start the server or correct base_url, then run again",
            exit_code=ExitCode.FAILED_ROWS,
        )

    def record_completion(self, completion: Completion) -> WorkbenchError | None:
        """The error to stop with after a reply; None: go on."""
        self._reached = True
        first = (completion.raw or "").lstrip()[:1]
        not_json = first not in ("", "{", "[")  # an empty or cut reply is no page
        is_page = not_json and completion.state == "invalid_response"
        self._pages = self._pages + 1 if is_page else 0
        if self._pages < MAX_PAGES:
            return None
        excerpt = " ".join((completion.raw or "")[:1000].split())[:200]
        return WorkbenchError(
            f"{MAX_PAGES} replies in a row are not JSON; this looks like a login page or a proxy: "
            f"{excerpt!r}",
            fix="check base_url, and any proxy between this machine and the endpoint",
            exit_code=ExitCode.FAILED_ROWS,
        )
