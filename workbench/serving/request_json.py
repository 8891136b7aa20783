"""Bodies of requests: read within limits of size and time, and parsed strictly.

>>> parse_json(b'{"inputs": {"text": "a", "text": "b"}}')
Traceback (most recent call last):
workbench.serving.http_errors.HTTPError: the body has a key twice in one object
"""

import asyncio
import json
import math
from typing import NoReturn

from starlette.requests import ClientDisconnect, Request

from workbench.canonical import JSON
from workbench.serving.http_errors import HTTPError

MOST_NESTED = 64  # lists and objects in one another
BIGGEST_INTEGER = 2**63  # beyond, readers of JSON differ


async def read_body(request: Request, most_bytes: int, seconds: float) -> bytes:
    """Return the body.

    Raises:
        HTTPError: it is larger than `most_bytes` (nothing of it is read where its length is
            named), comes too slowly, or is compressed.
    """
    headers = request.headers
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPError(415, "compressed", "a body must not be compressed")
    if int(headers.get("content-length", "0")) > most_bytes:  # the parser has checked the digits
        raise _too_large(most_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most_bytes:
                    raise _too_large(most_bytes)
    except TimeoutError:
        message = f"the body did not arrive within {seconds:g} seconds"
        raise HTTPError(408, "slow_body", message) from None
    except ClientDisconnect:
        raise HTTPError(400, "incomplete_body", "the connection ended inside the body") from None
    return bytes(body)


def parse_json(body: bytes) -> JSON:
    """Return the value of a JSON text in UTF-8.

    Raises:
        HTTPError: it is none, is nested too deeply, has a key twice, a number without bounds or
            half a surrogate pair.
    """
    try:
        value: JSON = json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:  # no UTF-8, no JSON, an integer of thousands of digits
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise HTTPError(400, "bad_json", f"the body is not JSON in UTF-8{line}") from None
    _check_values(value)
    return value


def parse_object(body: bytes) -> dict[str, JSON]:
    """Return the JSON object of a body.

    Raises:
        HTTPError: it is none, or as `parse_json`.
    """
    value = parse_json(body)
    if not isinstance(value, dict):
        raise HTTPError(400, "bad_json", "the body must be a JSON object")
    return value


def _unique_keys(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise HTTPError(400, "duplicate_key", "the body has a key twice in one object")
    return fields


def _refuse_constant(_: str) -> NoReturn:
    raise HTTPError(400, "bad_number", "NaN and Infinity are not JSON")


def _check_values(value: JSON) -> None:
    level, depth = [value], 0
    while level:
        below: list[JSON] = []
        for element in level:
            if isinstance(element, dict):
                below += element.values()
                below += element  # keys are texts
            elif isinstance(element, list):
                below += element
            else:
                _check_scalar(element)
        level, depth = below, depth + 1
        if depth > MOST_NESTED:
            raise _too_deep()


def _check_scalar(value: JSON) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise HTTPError(400, "bad_text", "a text has half of a surrogate pair") from None
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise HTTPError(400, "bad_number", "a number is too large")
    elif isinstance(value, int) and abs(value) > BIGGEST_INTEGER:
        raise HTTPError(400, "bad_number", "an integer has more than 64 bits")


def _too_deep() -> HTTPError:
    message = f"the body has more than {MOST_NESTED} lists and objects in one another"
    return HTTPError(400, "too_deep", message)


def _too_large(most_bytes: int) -> HTTPError:
    return HTTPError(413, "too_large", f"a body may have {most_bytes:,} bytes")
