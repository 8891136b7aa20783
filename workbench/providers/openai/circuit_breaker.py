"""What the requests of one endpoint say together: that nobody is there, or somebody else.

the first 10 requests find no connection            ->  "endpoint unreachable: …"
5 replies in a row are no JSON, a page of HTML say  ->  "5 replies in a row are no JSON: …"
"""

from workbench.errors import ExitCode, WorkbenchError
from workbench.model import Completion
from workbench.providers.openai.errors import Failure

UNREACHED = 10
PAGES = 5


class Streaks:
    """Counts what has ended; made for one endpoint and one run."""

    def __init__(self) -> None:
        self._reached = False
        self._unreached = self._pages = 0

    def failed(self, failure: Failure) -> WorkbenchError | None:
        """What to stop with where a request that is given up is one of many; else None."""
        self._reached = self._reached or not failure.unreachable
        self._unreached += 1
        if self._reached or self._unreached < UNREACHED:
            return None
        return WorkbenchError(
            f"endpoint unreachable: the first {UNREACHED} requests found no connection. "
            f"{failure.text}",
            fix="start the server or mend base_url, then run again",
            exit_code=ExitCode.FAILED_ROWS,
        )

    def replied(self, completion: Completion) -> WorkbenchError | None:
        """What to stop with where a reply is one of several no such API sends; else None."""
        self._reached = True
        self._pages = self._pages + 1 if _is_page(completion) else 0
        if self._pages < PAGES:
            return None
        shown = " ".join((completion.raw or "")[:1000].split())[:200]
        return WorkbenchError(
            f"{PAGES} replies in a row are no JSON; this looks like a login page or a proxy: "
            f"{shown!r}",
            fix="check base_url, and what stands between here and there",
            exit_code=ExitCode.FAILED_ROWS,
        )


def _is_page(completion: Completion) -> bool:
    """Whether a reply doesn't even begin as JSON does; an empty or cut one is no page."""
    begins = (completion.raw or "").lstrip()[:1]
    return completion.state == "invalid_response" and begins not in ("", "{", "[")
