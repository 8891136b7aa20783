"""A failed call, read: whether the request is sent again, when, and whether the model is stopped.

HTTP 429, Retry-After: 2    refused, sent again after 2 s
HTTP 500                    possibly billed, sent again
connection reset            unknown, sent again
HTTP 400                    the row is `rejected`; `filtered` if a content filter says so
HTTP 401                    refused, stops the model: "check the key in LOCAL_KEY"
HTTP 200 with an error      as the status that the error names (reply_errors.py)
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx2
import openai

from workbench.answers.reply_body import replace_surrogates
from workbench.canonical import JSON
from workbench.model import Request
from workbench.providers.openai.image_parts import FIX as IMAGE_FIX
from workbench.providers.openai.parameter_errors import parameter_fix, refused_parameter
from workbench.providers.openai.reply_errors import ErrorInReplyError, wait_s
from workbench.providers.openai.settings import EndpointState, OpenAISettings
from workbench.providers.openai.transport import LostReplyError, NotSentError, PausedError

LONGEST_WAIT = 600.0  # seconds; an endpoint that asks for a longer wait stops its model
CALL_ERRORS = (openai.OpenAIError, ErrorInReplyError, NotSentError, LostReplyError, OSError)
ROW_STATUSES = (400, 404, 413, 422, 451)  # concern one row, unless the error is about the model
# These concern the model until it has answered, and one row after that.
FIRST_STATUSES = (403, 404, 405, 410, 501)
CHECK_NAME = "check the model's name"
OVERLOADED = (503, 529)  # the 5xx that were refused before any work was done
RowState = Literal["", "rejected", "filtered"]
# Servers agree on no code for these. Their codes and messages are searched together.
FILTERED = re.compile(
    r"(?i)content[ _-]?filter|content[ _-]?(policy|moderation)|data[ _-]?inspection|ResponsibleAI"
    r"|requires moderation|content management policy|content exists risk|considered high risk"
    r"|our safety system|violates usage guidelines|\bflagged_input\b"
    r"|(prompt|request|response|input|content|output)\b.{0,60}\b(filtered|flagged|potentially "
    r"violating)"
    r"|(prompt|input|output|generated)\b.{0,40}\b(inappropriate|unsafe|sensitive) content"
)
TOO_LONG = re.compile(
    r"(?i)context_length_exceeded|context (length|size|window)|reduce the length"
    r"|(prompt|input|request) (is )?too long|(input|prompt) (tokens|length)"
    r"|too many (input )?tokens"
)
LOADING = re.compile(
    r"(?i)\bload(ing)? (the )?model|\bmodel\b.{0,100}\b(is|are|still|being|currently) +load"
    r"|warming up|starting up|cold start|scaling up|\bnot (yet )?ready\b|\bis loading\b"
)
UNKNOWN_MODEL = re.compile(
    r"(?i)model_not_found|(invalid|unknown|no such)[ _]model|model\b.{0,100}\bnot (found|exist)"
    r"|models/\S+ is not found|not a valid model|pinned to\b.{0,300}\brequested\b"
    r"|\brequested model\b.{0,40}\bnot\b|model\b.{0,40}\bnot (available|served|deployed)"
)
BAD_KEY = re.compile(r"(?i)api[ _]key.{0,20}\b(not valid|invalid)|\b(invalid|incorrect) api[ _]key")
NO_CREDIT = re.compile(
    r"(?i)insufficient[ _](quota|credit|balance|funds)|key limit exceeded|credit balance is too low"
)


# Gemini says it of a limit per minute, too, but then with the seconds to wait.
QUOTA = re.compile(r"(?i)exceeded your current quota")


@dataclass(frozen=True)
class Failure:
    """Why a call brought no completion.

    Attributes:
        outcome: as in `FailedCall`.
        retryable: sending the request again may help.
        wait_s: seconds the server asks to wait; None if it doesn't.
        fatal_fix: what to do if no request to this model can succeed; empty if one can.
        too_many: the server refused the rate of requests.
        row_state: state of the row if the server refused this one row; else empty.
        reply: the body of such a refusal.
        loading: the server loads the model, which may take minutes.
        unknown_model: the server doesn't have the model.
        parameter: the one that the server refuses; empty: it names none.
    """

    message: str
    outcome: Literal["refused", "possibly_billed", "unknown"]
    retryable: bool = False
    wait_s: float | None = None
    fatal_fix: str = ""
    unreachable: bool = False
    too_many: bool = False
    row_state: RowState = ""
    reply: str = ""
    loading: bool = False
    unknown_model: bool = False
    parameter: str = ""


def read_failure(
    error: Exception, settings: OpenAISettings, request: Request, endpoint: EndpointState
) -> Failure:
    """Return the failure that `error`, one of CALL_ERRORS, means for `request`."""
    if isinstance(error, openai.APIStatusError):
        return _status_failure(error, settings, request, endpoint)
    if isinstance(error, ErrorInReplyError):
        failure = read_failure(error.error, settings, request, endpoint)
        message = f"HTTP 200 with error {failure.message.removeprefix('HTTP ')}"
        return replace(failure, message=message, reply=error.raw)
    causes = list(_causes(error))
    if isinstance(error, PausedError):
        return Failure(f"not sent: {causes[-1]}", "refused")
    if isinstance(error, NotSentError):
        message = f"{settings.shown_url} can't be reached: {causes[-1]}"
        return Failure(message[:300], "refused", retryable=True, unreachable=True)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return Failure(f"no answer in {settings.timeout_s:g} s", "unknown", retryable=True)
    reason = " ".join(str(causes[-1]).split())
    message = f"the connection was lost: {type(causes[-1]).__name__}: {reason}"
    return Failure(message[:300], "unknown", retryable=True)


def _status_failure(
    error: openai.APIStatusError,
    settings: OpenAISettings,
    request: Request,
    endpoint: EndpointState,
) -> Failure:
    status, fields, answered = error.status_code, _error_fields(error.body), endpoint.answered
    wait = _retry_after_s(error.response.headers) or wait_s(fields)
    reply = error.response.text
    message = replace_surrogates(str(fields.get("message") or reply or error.message)[:2000])
    codes = " ".join(str(fields.get(name)) for name in ("code", "type", "innererror", "metadata"))
    text = f"{codes} {message}"
    fatal_fix = _connection_fix(error, wait, text, settings, endpoint)
    parameter = ""
    if status in ROW_STATUSES:
        named = {**fields, "message": fields.get("message") or message}
        unknown_model = UNKNOWN_MODEL.search(text) and (status == 404 or not answered)
        parameter = "model" if unknown_model else refused_parameter(named, request.body)
        if not endpoint.has_taken(parameter, request):
            fatal_fix = fatal_fix or _body_fix(status, text, parameter, request)
    if endpoint.takes_no_images(request, text):
        fatal_fix = IMAGE_FIX
    row_state: RowState = ""
    if status in (*ROW_STATUSES, *FIRST_STATUSES):
        if FILTERED.search(text):
            row_state, fatal_fix = "filtered", ""
        elif not fatal_fix:
            row_state = "rejected"
    loading = status in (500, 503) and bool(LOADING.search(text))
    billable = status >= 500 and status not in (*OVERLOADED, 501) and not loading
    return Failure(
        f"HTTP {status}: {message[:300]}",
        "possibly_billed" if billable else "refused",
        retryable=status in (408, 409, 429) or (status >= 500 and status != 501),
        wait_s=wait,
        fatal_fix=fatal_fix,
        too_many=status == 429,
        row_state=row_state,
        reply=reply,
        loading=loading,
        unknown_model=fatal_fix.startswith(CHECK_NAME),
        parameter=parameter,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _error_fields(body: object) -> dict[str, JSON]:
    """The fields of an error; Gemini's endpoint sends a list with one `{"error": …}`."""
    if isinstance(body, list) and body and isinstance(body[0], dict):
        body = body[0].get("error", body[0])
    return body if isinstance(body, dict) else {}


def _connection_fix(
    error: openai.APIStatusError,
    wait: float | None,
    text: str,
    settings: OpenAISettings,
    endpoint: EndpointState,
) -> str:
    """The fix if the endpoint or the account refuses every request; empty if neither does."""
    status, answered = error.status_code, endpoint.answered
    if 300 <= status < 400:
        return (
            f"base_url {settings.shown_url} redirects to {error.response.headers.get('location')!r}"
        )
    spent = NO_CREDIT.search(text) or (wait is None and QUOTA.search(text))
    if status == 402 or (status < 500 and spent):
        return "the account has no credit left; run again when it has"
    refused_first = status == 403 and not (answered or endpoint.answered_before)
    if status == 401 or refused_first or (not answered and BAD_KEY.search(text)):
        key_variable = settings.key_variable
        return f"check the key in {key_variable}" if key_variable else "set `api_key_env:`"
    if status in FIRST_STATUSES and not (answered or status == 403):
        return f"{CHECK_NAME} and base_url {settings.shown_url}"
    if wait and wait > LONGEST_WAIT:
        return f"the server asks to wait {_until(wait)}; run again then"
    return ""


def _body_fix(status: int, text: str, parameter: str, request: Request) -> str:
    """The fix if the server refuses the model or a parameter that every request has."""
    body = request.body
    model = re.escape(str(body.get("model")))
    names_model = status == 404 and re.search(rf"(?<!\w){model}(?!\w)", text)
    if parameter == "model" or names_model:
        return CHECK_NAME
    if not parameter or TOO_LONG.search(text):
        return ""
    return parameter_fix(parameter)


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


def _until(wait: float) -> str:
    """`2.0 h, until 2026-01-31 16:00 UTC`, without the date where the calendar has none."""
    with suppress(OverflowError, ValueError, OSError):
        end = datetime.fromtimestamp(time.time() + wait, UTC)
        return f"{wait / 3600:.1f} h, until {end:%Y-%m-%d %H:%M} UTC"
    return f"{wait / 3600:.1f} h"
