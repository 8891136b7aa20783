"""Settings of a server: addresses that lead to it, tokens, limits.

ServerSettings(hosts=("127.0.0.1", "localhost", "::1"), tokens=None, most_bytes=1_000_000, …)
"""

from dataclasses import dataclass

from workbench.serving.token_file import TokenFile

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ServerSettings:
    """Settings of a server.

    Attributes:
        hosts: names and addresses that a Host header may have, without port; empty: any.
        tokens: of callers; None: everybody who reaches the server may ask.
        most_bytes: of a body.
        most_rows: of a body for `/invocations`.
        body_s: seconds for a body to arrive.
        answer_s: seconds for a whole request; afterwards it is answered with 504.
        at_once: requests that are answered at once; further ones are refused with 429.
        per_second: requests, or rows, of each token in a second; 0: any number.
        logs_requests: a line for each request.
        logs_reasons: a line for each failed answer, which may repeat parts of a prompt.
    """

    hosts: tuple[str, ...] = LOOPBACK_NAMES
    tokens: TokenFile | None = None
    most_bytes: int = 1_000_000
    most_rows: int = 1_000
    body_s: float = 10.0
    answer_s: float = 120.0
    at_once: int = 64
    per_second: float = 100.0
    logs_requests: bool = True
    logs_reasons: bool = False
