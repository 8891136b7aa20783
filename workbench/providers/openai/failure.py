"""What a request that got no answer means: whether it is sent again, and when.

HTTP 429, Retry-After: 2     -> Failure("HTTP 429: slow down", again=True, wait_s=2.0)
connection reset             -> Failure("… reset by peer", again=True, unsure=True)
HTTP 401                     -> raises: no other request to this model can fare better
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import aiohttp
import httpx2
import openai

from workbench.canonical import JSON
from workbench.errors import ExitCode, WorkbenchError
from workbench.providers.openai.reply import clean
from workbench.providers.openai.settings import OpenAISettings

LONGEST_WAIT = 600.0  # seconds a server may ask for; one that asks for more is not asked again
KINDS = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError)
DATA = ("messages", "prompt")  # of a body; a fault of theirs is one row's, not the parameters'


@dataclass(frozen=True)
class Failure:
    """Why there is no answer.

    Attributes:
        again: sending it again may help.
        wait_s: seconds the server asks to wait; None where it doesn't say.
        unsure: the server may have worked on it, and been paid for that.
    """

    text: str
    again: bool = False
    wait_s: float | None = None
    unsure: bool = False


def read_failure(error: Exception, settings: OpenAISettings, body: Mapping[str, JSON]) -> Failure:
    """The failure that `error`, one of KINDS, was for the request `body`.

    Raises:
        WorkbenchError: no request to this model can fare better; its `fix` says what might.
    """
    if isinstance(error, openai.APIStatusError):
        said = f"HTTP {error.status_code}: {_message(error)[:300]}"
        wait = _asked_wait(error.response.headers)
        if fix := _hopeless(error, wait, settings, body):
            raise WorkbenchError(said, fix=fix, exit_code=ExitCode.FAILED_ROWS)
        again = error.status_code in (408, 409, 429) or error.status_code >= 500
        return Failure(said, again, wait)
    # The transport calls every lost connection a timeout, so the first cause is what counts.
    causes = list(_causes(error))
    if any(isinstance(cause, aiohttp.ClientConnectorError) for cause in causes):
        return Failure(f"{settings.url} can't be reached: {causes[-1]}", again=True)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return Failure(f"no answer in {settings.timeout_s:g} s", again=True, unsure=True)
    said = f"the connection was lost: {type(causes[-1]).__name__}: {causes[-1]}"
    return Failure(said[:300], again=True, unsure=True)


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
    body: Mapping[str, JSON],
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
        return f"it asks to wait {wait / 3600:.1f} h; run again then"
    named = re.split(r"[.\[]", str(error.param or ""))[0]
    if status != 400 or named not in body or named in DATA:
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
