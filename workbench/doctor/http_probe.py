"""One GET of an address, with a limit on its time: does a server answer there?

probe("http://127.0.0.1:5000/health")    ProbeReply(status=200, body="OK", date="Sun, 29 Nov …")
probe("http://127.0.0.1:9/health")       ProbeReply(error="[Errno 111] Connection refused")
"""

import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPException

from workbench.proxies import find_proxy

AGENT = {"User-Agent": "workbench"}  # some gateways refuse that of urllib
TIMEOUT_S = 3.0  # without a byte
MOST_BYTES = 64 * 1024
MOST_SKEW_S = 300.0


@dataclass(frozen=True)
class ProbeReply:
    """The reply to a GET; `status` is 0 without one, and `error` says why."""

    status: int = 0
    body: str = ""
    date: str = ""
    error: str = ""

    @property
    def skew_s(self) -> float:
        """Seconds by which this machine's clock is ahead of the server's; 0 if it is unknown."""
        try:
            return time.time() - parsedate_to_datetime(self.date).timestamp()
        except (TypeError, ValueError, OverflowError):
            return 0.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a key goes to no other address."""

    def redirect_request(self, *arguments: object) -> None:
        """Return None: the reply itself is what counts."""


def probe(
    url: str, headers: Mapping[str, str] | None = None, context: ssl.SSLContext | None = None
) -> ProbeReply:
    """Return the reply to a GET of `url`; never raises for what a server or a network does.

    Raises:
        WorkbenchError: the environment names a proxy of another kind than http.
    """
    proxy = find_proxy(url)
    handlers: list[urllib.request.BaseHandler] = [
        urllib.request.ProxyHandler({"http": proxy, "https": proxy} if proxy else {}),
        _NoRedirect(),
        urllib.request.HTTPSHandler(context=context),
    ]
    try:
        request = urllib.request.Request(url, headers={**AGENT, **(headers or {})})  # noqa: S310  http only
        with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT_S) as reply:
            body = reply.read(MOST_BYTES).decode("utf-8", "replace")
            return ProbeReply(reply.status, body, reply.headers.get("date", ""))
    except urllib.error.HTTPError as error:
        with error:
            return ProbeReply(error.code, "", error.headers.get("date", ""))
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return ProbeReply(error=" ".join(str(reason).split())[:200] or type(error).__name__)
