"""Checks of a request before anything is done for it: its host, its origin, its token, its rate.

Host: evil.example               403: another name that leads here
Origin: https://evil.example     403: a page of another site
(no Authorization)               401, where tokens are in force
"""

from urllib.parse import urlsplit

from starlette.requests import Request

from workbench.serving.caller_limiter import CallerLimiter
from workbench.serving.http_errors import HTTPError, busy
from workbench.serving.server_settings import ServerSettings

HOW_TO_AUTHENTICATE = "send a token in the header `Authorization: Bearer TOKEN`, and nowhere else"


class Gatekeeper:
    """Checks of requests, and the limit of each caller's rate."""

    def __init__(self, settings: ServerSettings) -> None:
        self._hosts = frozenset(name.lower() for name in settings.hosts)
        self._tokens = settings.tokens
        self.limiter = CallerLimiter(settings.per_second)

    def check_sender(self, request: Request) -> None:
        """Check that a request comes under a name of this server, and not from another page.

        A page of another site could otherwise have its readers' browsers ask a server of theirs.

        Raises:
            HTTPError: it doesn't.
        """
        headers = request.headers
        host = headers.get("host", "")
        if self._hosts and _name(f"//{host}") not in self._hosts:
            message = "this server is not known under this name; see its option --allowed-host"
            raise HTTPError(403, "unknown_host", message)
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host.lower():
            raise HTTPError(403, "other_origin", "a page of another site may not ask this server")

    def caller(self, request: Request) -> str:
        """Return the name of the request's token; empty where no tokens are in force.

        Raises:
            HTTPError: the token is missing or unknown.
        """
        if self._tokens is None:
            return ""
        values = request.headers.getlist("authorization")
        scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        name = self._tokens.name_of(token.strip()) if scheme.lower() == "bearer" else ""
        if not name:
            authenticate = {"WWW-Authenticate": "Bearer"}
            message = HOW_TO_AUTHENTICATE
            raise HTTPError(401, "no_token", message, headers=authenticate)
        return name

    def check_rate(self, caller: str) -> None:
        """Count a request.

        Raises:
            HTTPError: the caller has to wait.
        """
        if seconds := self.limiter.take(caller):
            raise busy("rate_limit", "too many requests with this token", seconds)


def _name(url: str) -> str:
    """The host of an address in lower case, without a port; empty if it can't be read."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _place(url: str) -> str:
    """The host and port of an address; empty if it can't be read."""
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
