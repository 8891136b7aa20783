"""An error object in a reply with HTTP status 200, as gateways send it.

    {"error": {"message": "busy", "code": 429}}               429
    {"error": "insufficient_quota"}                           429
    {"choices": [{"error": {"code": 502}, …}]}                502

Its status is the number that it names, or that of its code in words; without either, 500.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from workbench.answers.reply_body import parse_reply
from workbench.canonical import JSON

STATUS_KEYS = ("code", "status", "status_code", "statusCode", "http_status", "http_code", "error")
NAME_KEYS = (
    "code",
    "type",
    "__type",
    "errorcode",
    "status",
    "reason",
    "error_type",
    "error_code",
    "title",
    "error",
)
MESSAGE_KEYS = (
    *(
        "message",
        "Message",
        "msg",
        "detail",
        "faultstring",
        "error_message",
        "error_msg",
        "status_msg",
        "title",
        "error",
    ),
)
UNNAMED_STATUS = 500
DEPTH = 4  # of error objects inside of error objects
# Codes in words, in the order in which they are searched: first in codes, then in the message.
NAMED_STATUSES = {
    400: r"content.?(filter|policy)|ContentPolicy|data.?inspection|moderation|context.?(length|size"
    r"|window|limit)"
    r"|token.?limit.?exceeded|maximum context|invalid.?(argument|parameter|prompt)|unsupported"
    r"|failed.?precondition|out.?of.?range",
    402: r"insufficient.?(credit|balance|fund)|payment.?required|requires? (more|additional) credit"
    r"|arrearage|billing|credit balance|no credit",
    429: r"rate.?limit|rate exceeded|too many (concurrent )?(requests|connections)|TooManyRequests"
    r"|too_many_requests|throttl|resource.?(has been )?exhausted|quota|concurren|slow.?down"
    r"|please wait|limit (reached|exceeded)",
    401: r"(invalid|incorrect|missing|wrong).{0,12}\bapi.?key|api.?key.{0,20}invalid|authenticat"
    r"|unauthori[sz]ed",
    403: r"permission|forbidden|access.?denied|not authorized",
    404: r"not.?found|no such|does not exist|unknown.?model",
    413: r"too.?large",
    422: r"unprocessable|validation",
    529: r"overloaded",
    503: r"unavailable|at capacity|capacity (is )?(temporarily )?exceeded|busy"
    r"|try again later|loading",
    504: r"time.?d?.?out|deadline",
}
GENERIC = re.compile(r"(?i)invalid.?request|bad.?request")  # a 400, unless the message says more
# `try again in 7.66s`, `in 6m0s`, `wait 30 seconds`
WAIT = re.compile(
    r"(?i)\b(?:try again|retry|wait)(?: in| after| for)?:? "
    r"((?:\d+(?:\.\d+)? ?(?:ms|milliseconds?|h(?:ou)?rs?|h|min(?:ute)?s?|m|sec(?:ond)?s?|s)"
    r"(?![a-z])(?:,? and |,? )?)+)"
)
DURATION = re.compile(r"(?i)(\d+(?:\.\d+)?) ?(ms|mil|h|m|s)")
UNIT_S = {"ms": 0.001, "mil": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}


@dataclass(frozen=True)
class ErrorObject:
    """The error in a reply: the fields that name its code, type and message."""

    status: int
    fields: Mapping[str, JSON]


class ErrorInReplyError(Exception):
    """A reply with status 200 held an error; `error` is the exception that stands for it."""

    def __init__(self, error: Exception, status_code: int, raw: str) -> None:
        super().__init__(str(error))
        self.error = error
        self.status_code = status_code
        self.raw = raw


def find_error(raw: str) -> ErrorObject | None:
    """Return the error object in the body of a reply; None if it holds none."""
    try:
        body = parse_reply(raw)
    except ValueError:
        return None
    layers = list(_layers(body))
    status = _status(layers)
    if not layers or not (status or _is_error(layers[-1])):
        return None
    return ErrorObject(status or UNNAMED_STATUS, _merged(layers))


def wait_s(fields: Mapping[str, JSON]) -> float | None:
    """Seconds that an error object asks to wait; None if it doesn't."""
    details = fields.get("details")
    delays = [
        fields.get("retry_after_ms"),
        fields.get("retry_after"),
        *(detail.get("retryDelay") for detail in _objects(details)),
        *_header_waits(fields.get("metadata")),
    ]
    for delay, scale in zip(delays, [0.001, *[1.0] * (len(delays) - 1)], strict=True):
        number = re.fullmatch(r"(\d{1,12}(?:\.\d*)?)s?", str(delay))
        if number and float(number[1]):
            return float(number[1]) * scale
    if match := WAIT.search(str(fields.get("message") or "")):
        parts = DURATION.findall(match[1])
        return sum(float(number) * UNIT_S[unit.lower()] for number, unit in parts) or None
    return None


def _header_waits(metadata: JSON) -> Iterator[JSON]:
    """Values of Retry-After among the headers that a gateway repeats."""
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    for name, value in headers.items() if isinstance(headers, dict) else ():
        if name.lower() == "retry-after":
            yield value


def _layers(body: JSON) -> Iterator[dict[str, JSON]]:
    """The objects of a body that may be errors, the innermost first."""
    if isinstance(body, list):
        body = next(iter(body), None)
    if not isinstance(body, dict):
        return
    error = _error_field(body)
    if error or (not body.get("choices") and any(body.get(key) for key in MESSAGE_KEYS)):
        yield from _unpack(error, DEPTH)
        yield {key: value for key, value in body.items() if key not in ("choices", "errors")}


def _error_field(body: Mapping[str, JSON]) -> JSON:
    """The field of a body that describes an error; MiniMax's has a status of 0 without one."""
    detail, base = body.get("detail"), body.get("base_resp")
    return (
        body.get("error")
        or body.get("errors")
        or body.get("fault")
        or _choice_error(body)
        or (isinstance(detail, dict) and detail)
        or (isinstance(base, dict) and bool(base.get("status_code")) and base)
    )


def _is_error(body: Mapping[str, JSON]) -> bool:
    """True if a body says that it is an error, without a status."""
    kinds = (body.get("object"), body.get("type"), body.get("status"))
    return bool(
        _error_field(body)
        or "error" in kinds
        or body.get("success") is False
        or "detail" in body
        or "code" in body
    )


def _unpack(error: JSON, depth: int) -> Iterator[dict[str, JSON]]:
    """An error and those inside of it, the innermost first; a text may be JSON."""
    if isinstance(error, list):
        error = next(iter(error), None)
    if isinstance(error, str):
        parsed: JSON = None
        with suppress(ValueError):
            parsed = parse_reply(error)
        if isinstance(parsed, dict) and depth:
            yield from _unpack(parsed, depth - 1)
        else:
            yield {"message": error}
    elif isinstance(error, dict):
        metadata = error.get("metadata")
        inner = [error.get("error"), metadata.get("raw") if isinstance(metadata, dict) else None]
        message = error.get("message")
        inner += [message] if isinstance(message, str) and message.lstrip()[:1] == "{" else []
        for nested in inner if depth else ():
            yield from _unpack(nested, depth - 1)
        yield error
        if isinstance(metadata, dict):
            yield metadata
    elif _number(error):
        yield {"code": error}


def _choice_error(body: Mapping[str, JSON]) -> JSON:
    for choice in _objects(body.get("choices"))[:1]:
        message = choice.get("message")
        return choice.get("error") or (isinstance(message, dict) and message.get("error"))
    return None


def _objects(values: JSON) -> list[dict[str, JSON]]:
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []


def _number(value: JSON) -> int:
    """The HTTP status in a value (429, "429", FastChat's 42901); 0 if there is none."""
    text = str(value) if isinstance(value, int | float | str) else ""
    match = re.fullmatch(r"([45]\d\d)(\d\d|\.0)?", text.strip())
    return int(match[1]) if match else 0


def _status(layers: list[dict[str, JSON]]) -> int:
    """The status that the objects name; 0: none."""
    for layer in layers:
        for key in STATUS_KEYS:
            if status := _number(layer.get(key)):
                return status
    if any(isinstance(layer.get("detail"), list) for layer in layers):
        return 422
    for keys in (NAME_KEYS, MESSAGE_KEYS):
        values = [layer.get(key) for layer in layers for key in keys]
        text = " ".join(value for value in values if isinstance(value, str))
        for status, pattern in NAMED_STATUSES.items():
            if re.search(f"(?i){pattern}", text):
                return status
    names = (layer.get(key) for layer in layers for key in NAME_KEYS + MESSAGE_KEYS)
    return 400 if any(GENERIC.search(name) for name in names if isinstance(name, str)) else 0


def _merged(layers: list[dict[str, JSON]]) -> dict[str, JSON]:
    """The fields of all layers, inner before outer, with one `message`."""
    fields: dict[str, JSON] = {}
    for layer in layers:
        fields = {**layer, **fields}
    texts = (fields.get(key) for key in MESSAGE_KEYS)
    message = next((text for text in texts if text and not isinstance(text, dict)), "")
    return {**{key: value for key, value in fields.items() if key != "error"}, "message": message}
