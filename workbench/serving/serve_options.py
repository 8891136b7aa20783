"""Options of `workbench serve` and `workbench-serve`, checked before anything is opened.

ServeOptions("support@production", host="0.0.0.0", tokens=Path("tokens.txt"))
"""

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.serving.server_settings import LOOPBACK_NAMES, ServerSettings
from workbench.serving.token_file import TokenFile

PORT = 5200
UNBOUNDED = 1e9
RANGES: dict[str, tuple[float, float]] = {
    "port": (0, 65_535),
    "rate": (0, UNBOUNDED),
    "at-once": (1, UNBOUNDED),
    "timeout": (0.1, UNBOUNDED),
    "receive-timeout": (0.1, UNBOUNDED),
    "drain": (0, UNBOUNDED),
    "trace-rate": (0, 1),
}
HELP = {
    "source": "A package's folder, TASK@ALIAS, models:/NAME@ALIAS, models:/NAME/VERSION or "
    "runs:/RUN/PATH.",
    "host": "The address to listen on; another one than this machine's needs --tokens.",
    "port": "The port to listen on; 0: any free one.",
    "tokens": "A file with the callers' tokens: lines `name: sha256:DIGEST`.",
    "new_token": "Make a token, add it to the file of --tokens, print it and end.",
    "allowed_host": "A name that leads to this server, as api.example.com; may be repeated.",
    "cert": "The certificate of TLS, in PEM.",
    "key": "Its key, in PEM, unless the certificate's file has it.",
    "rate": "Requests a second of each token; 0: any number.",
    "at_once": "Requests that are answered at once; further ones get 429.",
    "timeout": "Seconds for a whole request; then it gets 504.",
    "receive_timeout": "Seconds for a request's headers to arrive, and then for its body.",
    "drain": "Seconds for the requests in flight once the server is to end.",
    "quiet": "Write no line for each request.",
    "verbose": "Write the reason of each failed answer, which may repeat parts of a prompt.",
    "tracking_uri": "MLflow's address: of the model, and of the traces.",
    "trace_rate": "The share of requests that become traces, 0 to 1; failed ones always do.",
    "no_trace_texts": "Write no inputs, prompts and answers into traces.",
    "trace_experiment": "The traces' experiment in MLflow.  [default: TASK production]",
    "outbox": "The folder in which traces wait for MLflow.",
}


@dataclass(frozen=True)
class ServeOptions:
    """Options of a server.

    Attributes:
        source: a package's folder, or a registered model as MLflow or Workbench names it.
        tokens: the file of tokens.
        allowed_hosts: names that lead here, besides those of this machine.
        cert, key: files of TLS in PEM; a certificate's file may hold the key, too.
        rate: requests (or rows) a second of each token; 0: any number.
        at_once: requests that are answered at once.
        timeout: seconds for one request, from its headers to the last byte of the answer.
        receive_timeout: seconds for a request's headers to arrive, and then for its body.
        drain: seconds for the requests in flight, once the server is to end.
        quiet: no line for each request.
        verbose: the reason of each failed answer, which may repeat parts of a prompt.
        tracking_uri: of MLflow; empty: the environment's, and without one there are no traces.
        trace_rate: 0 to 1, the share of requests that become traces.
        trace_texts: False: traces have no texts.
        trace_experiment: of the traces in MLflow; empty: `<task> production`.
        outbox: folder in which traces wait; None: one in the cache folder, by source and port.
    """

    source: str
    host: str = "127.0.0.1"
    port: int = PORT
    tokens: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    cert: Path | None = None
    key: Path | None = None
    rate: float = 100.0
    at_once: int = 64
    timeout: float = 120.0
    receive_timeout: float = 10.0
    drain: float = 30.0
    quiet: bool = False
    verbose: bool = False
    tracking_uri: str = ""
    trace_rate: float = 1.0
    trace_texts: bool = True
    trace_experiment: str = ""
    outbox: Path | None = None

    def settings(self, report: Callable[[str], None]) -> ServerSettings:
        """Return the settings of the server; `report` gets later faults of the tokens' file.

        Raises:
            WorkbenchError: an option is out of range, the address is not this machine's and there
                are no tokens, or their file can't be read.
        """
        for name, (least, most) in RANGES.items():
            value = getattr(self, name.replace("-", "_"))
            if not least <= value <= most:
                bounds = f"from {least:g}" if most == UNBOUNDED else f"from {least:g} to {most:g}"
                raise WorkbenchError(f"--{name}: {value:g} is not a number {bounds}")
        if self.tokens is None and not is_loopback_address(self.host):
            file = "tokens.txt"
            raise WorkbenchError(
                f"--host {self.host}: other machines could ask the model without a token",
                fix=f"`workbench serve --tokens {file} --new-token NAME` makes a token; then add "
                f"--tokens {file}",
            )
        return ServerSettings(
            hosts=self._hosts(),
            tokens=None if self.tokens is None else TokenFile(self.tokens, report),
            answer_s=self.timeout,
            body_s=self.receive_timeout,
            at_once=self.at_once,
            per_second=self.rate,
        )

    def _hosts(self) -> tuple[str, ...]:
        """Names that a Host header may have; behind a token and without a list, any."""
        if not is_loopback_address(self.host) and not self.allowed_hosts:
            return ()
        return (*LOOPBACK_NAMES, self.host, *self.allowed_hosts)

    def tls(self) -> ssl.SSLContext | None:
        """Return the context of TLS; None: there is none.

        Raises:
            WorkbenchError: a file can't be read, or they don't belong together.
        """
        if self.cert is None:
            if self.key is not None:
                raise WorkbenchError("--key: there is no certificate", fix="add --cert FILE")
            return None
        for name, file in (("cert", self.cert), ("key", self.key)):
            if file is not None and not file.is_file():
                raise WorkbenchError(f"--{name}: there is no file {str(file)!r}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # A password would be asked for on the terminal.
            context.load_cert_chain(self.cert, self.key, password=lambda: "")
        except (OSError, ValueError) as error:
            raise WorkbenchError(
                f"--cert, --key: they can't be used: {getattr(error, 'reason', None) or error}",
                fix="both in PEM, the key without a password: openssl rsa -in key.pem -out key.pem",
            ) from error
        return context


def is_loopback_address(host: str) -> bool:
    """Return True if an address to listen on is reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
