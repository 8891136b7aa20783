"""Lines about requests on stderr: no text of a prompt, an answer, a header or a token.

2026-11-29T14:51:02.123Z req_9f86… search POST /v1/chat/completions 200 12.3 ms
"""

import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

from workbench.secrets import Redactor
from workbench.serving.http_call import HTTPCall

QUIET_ROUTES = {"/health", "/ping", "/metrics"}  # asked every few seconds
READY = "/ready"  # so is this, and 503 is an answer like another
LONGEST_REASON = 500  # characters


class RequestLog:
    """Writes a line for each request.

    Args:
        requests: False: only faults of the server are written.
        reasons: also the reason of each failed answer, which may repeat parts of a prompt.
        redactor: of the reasons.
    """

    def __init__(
        self,
        *,
        requests: bool = True,
        reasons: bool = False,
        redactor: Redactor | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self._requests = requests
        self._reasons = reasons
        self._redactor = redactor or Redactor([])
        self._stream = stream or sys.stderr

    def request(self, call: HTTPCall) -> None:
        """Write the line of an answered request."""
        expected = call.route == READY or (call.route in QUIET_ROUTES and call.status < 400)
        if self._requests and not expected:
            words = [call.request_id, call.caller or "-", call.method, call.route]
            words += [str(call.status), *filter(None, [call.error])]
            self.line(f"{' '.join(words)} {call.seconds * 1000:.1f} ms")
        if self._reasons and call.reason:
            reason = self._redactor.redact(call.reason)[:LONGEST_REASON]
            self.line(f"{call.request_id} reason: {reason!r}")

    def fault(self, call: HTTPCall, error: BaseException) -> None:
        """Write where a fault of the server comes from; its message might repeat an input."""
        places = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
            trace = trace.tb_next
        kind = type(error).__name__
        self.line(f"{call.request_id} internal error {kind} at {' > '.join(places[-6:])}")

    def line(self, text: str) -> None:
        """Write a line with the time."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
        with suppress(OSError, ValueError):  # a full disk, a closed terminal: requests go on
            self._stream.write(f"{now}Z {text}\n")
