"""What a request that got no answer means: whether it is sent again, and when.

HTTP 429, Retry-After: 2  -> Failure("HTTP 429: slow down", "refused", again=True, wait_s=2.0, …)
HTTP 500                  -> Failure("HTTP 500: oops", "possibly_billed", again=True)
connection reset          -> Failure("the connection was lost: …", "unknown", again=True)
HTTP 401                  -> Failure("HTTP 401: bad key", "refused", stops="check the key in …")
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx2
import openai

from workbench.model import Request
from workbench.providers.openai.reply import clean
from workbench.providers.openai.settings import OpenAISettings
from workbench.providers.openai.transport import HeldError, LostReplyError, NotSentError

LONGEST_WAIT = 600.0  # seconds a server may ask for; one that asks for more is not asked again
KINDS = (openai.OpenAIError, NotSentError, LostReplyError, OSError)
DATA = ("messages", "prompt")  # of a body; a fault of theirs is one row's, not the parameters'
NOTHING_DONE = (503, 529)  # of the 5xx: the server had no room


@dataclass(frozen=True)
class Failure:
    """Why there is no answer.

    Attributes:
        outcome: what the server may have done, as in `Attempt`.
        again: sending it again may help.
        wait_s: seconds the server asks to wait; None where it doesn't say.
        stops: no other request to this model can fare better: what to do; empty where one can.
        unreachable: there was no connection.
        too_many: the server takes fewer requests at a time.
    """

    text: str
    outcome: Literal["refused", "possibly_billed", "unknown"]
    again: bool = False
    wait_s: float | None = None
    stops: str = ""
    unreachable: bool = False
    too_many: bool = False


def read_failure(error: Exception, settings: OpenAISettings, request: Request) -> Failure:
    """The failure that `error`, one of KINDS, was for `request`."""
    if isinstance(error, openai.APIStatusError):
        return _status(error, settings, request)
    causes = list(_causes(error))
    if isinstance(error, HeldError):
        return Failure(f"not sent: {causes[-1]}", "refused")
    if isinstance(error, NotSentError):
        said = f"{settings.url} can't be reached: {causes[-1]}"
        return Failure(said[:300], "refused", again=True, unreachable=True)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return Failure(f"no answer in {settings.timeout_s:g} s", "unknown", again=True)
    said = f"the connection was lost: {type(causes[-1]).__name__}: {causes[-1]}"
    return Failure(said[:300], "unknown", again=True)


def _status(error: openai.APIStatusError, settings: OpenAISettings, request: Request) -> Failure:
    status, wait = error.status_code, _asked_wait(error.response.headers)
    return Failure(
        f"HTTP {status}: {_message(error)[:300]}",
        "possibly_billed" if status >= 500 and status not in NOTHING_DONE else "refused",
        again=status in (408, 409, 429) or status >= 500,
        wait_s=wait,
        stops=_hopeless(error, wait, settings, request),
        too_many=status == 429,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _message(error: openai.APIStatusError) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    return clean(str(body.get("message") or error.response.text or error.message))


def _hopeless(
    error: openai.APIStatusError,
    wait: float | None,
    settings: OpenAISettings,
    request: Request,
) -> str:
    """What to do where no other request to this model can fare better; else empty."""
    status, variable = error.status_code, settings.key_variable
    if 300 <= status < 400:
        return f"base_url {settings.url} redirects to {error.response.headers.get('location')!r}"
    if status in (401, 403):
        return f"check the key in {variable}" if variable else "name its key: `api_key_env:`"
    if status == 404:
        return f"check the model's name and base_url {settings.url}"
    if error.code == "insufficient_quota":
        return "the account has no credit left; run again when it has"
    if wait and wait > LONGEST_WAIT:
        return f"it asks to wait {_until(wait)}; run again then"
    named = re.split(r"[.\[]", str(error.param or ""))[0]
    if status != 400 or named in DATA or named not in request.body:
        return ""
    if named == "model":
        return "check the model's name"
    return f"`{named}: null` leaves it out, `rename:` gives it another name"


def _asked_wait(headers: httpx2.Headers) -> float | None:
    """Seconds the server asks to wait: milliseconds, seconds or a date; None where it doesn't."""
    said = headers.get("retry-after", "")
    for text, scale in ((headers.get("retry-after-ms", ""), 1000), (said, 1)):
        if re.fullmatch(r"\s*\d{1,12}(\.\d*)?\s*", text):
            return float(text) / scale or None
    try:
        return max(0.0, parsedate_to_datetime(said).timestamp() - time.time()) or None
    except (TypeError, ValueError, OverflowError):
        return None


def _until(wait: float) -> str:
    """`2.0 h, until 2026-01-31 16:00 UTC`; the date is left out where no calendar has it."""
    hours = f"{wait / 3600:.1f} h"
    try:
        return (
            f"{hours}, until {datetime.fromtimestamp(time.time() + wait, UTC):%Y-%m-%d %H:%M} UTC"
        )
    except (OverflowError, ValueError, OSError):
        return hours
