"""Refusals and faults as responses, in the form of OpenAI's API.

    404 {"error": {"message": "no such path; this server has /v1/chat/completions, …",
                   "type": "invalid_request_error", "param": null, "code": "unknown_path"}}

A message is a fixed text with names of ours: it repeats no input, no header and no token.
"""

import json
from collections.abc import Mapping

from starlette.responses import Response

from workbench.canonical import JSON

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
FIRST_SERVER_FAULT = 500
JSON_TYPE = "application/json"


class HTTPError(Exception):
    """A response that takes the place of an answer.

    Args:
        status: HTTP status.
        code: a word for programs, as `unknown_path`.
        message: for people.
        param: the field of the body that it is about; empty: none.
        headers: further ones, as Retry-After.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, JSON]:
        """Return the body of the response."""
        client_fault = TYPES.get(self.status, "invalid_request_error")
        kind = "server_error" if self.status >= FIRST_SERVER_FAULT else client_fault
        error: dict[str, JSON] = {"message": self.message, "type": kind}
        return {"error": {**error, "param": self.param or None, "code": self.code}}

    def response(self) -> Response:
        """Return the response."""
        return json_response(self.as_json(), self.status, self.headers)


def json_response(
    value: JSON, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a value as JSON in ASCII, which can hold any text."""
    return Response(json.dumps(value, allow_nan=False), status, headers, JSON_TYPE)


def busy(code: str, message: str, retry_after_s: float, *, status: int = 429) -> HTTPError:
    """Return the refusal of a request that may be repeated after some seconds."""
    seconds = str(max(1, round(retry_after_s + 0.499)))  # whole seconds, never too few
    return HTTPError(status, code, message, headers={"Retry-After": seconds})


def timed_out() -> HTTPError:
    """Return the end of a request that took too long."""
    return HTTPError(504, "timeout", "the request took too long")
