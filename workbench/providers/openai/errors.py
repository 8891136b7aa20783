"""A failed call, read: whether the request is sent again, when, and whether the model is stopped.

HTTP 429, Retry-After: 2    refused, sent again after 2 s
HTTP 500                    possibly billed, sent again
connection reset            unknown, sent again
HTTP 401                    refused, stops the model: "check the key in LOCAL_KEY"
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx2
import openai

from workbench.model import Request
from workbench.providers.openai.reply import replace_surrogates
from workbench.providers.openai.settings import OpenAISettings
from workbench.providers.openai.transport import LostReplyError, NotSentError, PausedError

LONGEST_WAIT = 600.0  # seconds; an endpoint that asks for a longer wait stops its model
CALL_ERRORS = (openai.OpenAIError, NotSentError, LostReplyError, OSError)
ROW_FIELDS = ("messages", "prompt")  # of a body; an error about them concerns one row
OVERLOADED = (503, 529)  # the 5xx that were refused before any work was done


@dataclass(frozen=True)
class Failure:
    """Why a call brought no completion.

    Attributes:
        outcome: as in `FailedCall`.
        retryable: sending the request again may help.
        wait_s: seconds the server asks to wait; None if it doesn't.
        fatal_fix: what to do if no request to this model can succeed; empty if one can.
        too_many: the server refused the rate of requests.
    """

    message: str
    outcome: Literal["refused", "possibly_billed", "unknown"]
    retryable: bool = False
    wait_s: float | None = None
    fatal_fix: str = ""
    unreachable: bool = False
    too_many: bool = False


def read_failure(error: Exception, settings: OpenAISettings, request: Request) -> Failure:
    """Return the failure that `error`, one of CALL_ERRORS, means for `request`."""
    if isinstance(error, openai.APIStatusError):
        return _status_failure(error, settings, request)
    causes = list(_causes(error))
    if isinstance(error, PausedError):
        return Failure(f"not sent: {causes[-1]}", "refused")
    if isinstance(error, NotSentError):
        message = f"{settings.url} can't be reached: {causes[-1]}"
        return Failure(message[:300], "refused", retryable=True, unreachable=True)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return Failure(f"no answer in {settings.timeout_s:g} s", "unknown", retryable=True)
    message = f"the connection was lost: {type(causes[-1]).__name__}: {causes[-1]}"
    return Failure(message[:300], "unknown", retryable=True)


def _status_failure(
    error: openai.APIStatusError, settings: OpenAISettings, request: Request
) -> Failure:
    status, wait_s = error.status_code, _retry_after_s(error.response.headers)
    body = error.body if isinstance(error.body, dict) else {}
    message = replace_surrogates(str(body.get("message") or error.response.text or error.message))
    return Failure(
        f"HTTP {status}: {message[:300]}",
        "possibly_billed" if status >= 500 and status not in OVERLOADED else "refused",
        retryable=status in (408, 409, 429) or status >= 500,
        wait_s=wait_s,
        fatal_fix=_fatal_fix(error, wait_s, settings, request),
        too_many=status == 429,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _fatal_fix(
    error: openai.APIStatusError, wait_s: float | None, settings: OpenAISettings, request: Request
) -> str:
    status, key_variable = error.status_code, settings.key_variable
    if 300 <= status < 400:
        return f"base_url {settings.url} redirects to {error.response.headers.get('location')!r}"
    if status in (401, 403):
        return f"check the key in {key_variable}" if key_variable else "set `api_key_env:`"
    if status == 404:
        return f"check the model's name and base_url {settings.url}"
    if error.code == "insufficient_quota":
        return "the account has no credit left; run again when it has"
    if wait_s and wait_s > LONGEST_WAIT:
        return f"the server asks to wait {_until(wait_s)}; run again then"
    parameter = re.split(r"[.\[]", str(error.param or ""))[0]
    if status != 400 or parameter in ROW_FIELDS or parameter not in request.body:
        return ""
    if parameter == "model":
        return "check the model's name"
    return f"`{parameter}: null` leaves it out, `rename:` gives it another name"


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """Seconds the server asks to wait, given as milliseconds, seconds or a date."""
    retry_after = headers.get("retry-after", "")
    for text, scale in ((headers.get("retry-after-ms", ""), 1000), (retry_after, 1)):
        if re.fullmatch(r"\s*\d{1,12}(\.\d*)?\s*", text):
            return float(text) / scale or None
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time()) or None
    except (TypeError, ValueError, OverflowError):
        return None


def _until(wait_s: float) -> str:
    """`2.0 h, until 2026-01-31 16:00 UTC`, without the date where the calendar has none."""
    with suppress(OverflowError, ValueError, OSError):
        end = datetime.fromtimestamp(time.time() + wait_s, UTC)
        return f"{wait_s / 3600:.1f} h, until {end:%Y-%m-%d %H:%M} UTC"
    return f"{wait_s / 3600:.1f} h"
