"""Options of a server, checked before anything is opened, as settings of its parts.

check_options(ServeOptions("packages/triage", host="0.0.0.0"), print)
WorkbenchError: --host 0.0.0.0: other machines could ask the model without a token
"""

import ipaddress
import ssl
from collections.abc import Callable

from workbench.errors import WorkbenchError
from workbench.serving.serve_options import ServeOptions
from workbench.serving.server_settings import LOOPBACK_NAMES, ServerSettings
from workbench.serving.token_file import TokenFile

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


def check_options(options: ServeOptions, report: Callable[[str], None]) -> ServerSettings:
    """Return the settings of the server; `report` gets later faults of the tokens' file.

    Raises:
        WorkbenchError: an option is out of range, the address is not this machine's and there
            are no tokens, or their file can't be read.
    """
    for name, (least, most) in RANGES.items():
        value = getattr(options, name.replace("-", "_"))
        if not least <= value <= most:
            bounds = f"from {least:g}" if most == UNBOUNDED else f"from {least:g} to {most:g}"
            raise WorkbenchError(f"--{name}: {value:g} is not a number {bounds}")
    if options.tokens is None and not is_loopback_address(options.host):
        raise WorkbenchError(
            f"--host {options.host}: other machines could ask the model without a token",
            fix="make a token with --tokens tokens.txt --new-token NAME, then add "
            "--tokens tokens.txt",
        )
    return ServerSettings(
        hosts=_hosts(options),
        tokens=None if options.tokens is None else TokenFile(options.tokens, report),
        answer_s=options.timeout,
        body_s=options.receive_timeout,
        at_once=options.at_once,
        per_second=options.rate,
    )


def _hosts(options: ServeOptions) -> tuple[str, ...]:
    """Names that a Host header may have; behind a token and without a list, any."""
    if not is_loopback_address(options.host) and not options.allowed_hosts:
        return ()
    return (*LOOPBACK_NAMES, options.host, *options.allowed_hosts)


def tls_context(options: ServeOptions) -> ssl.SSLContext | None:
    """Return the context of TLS; None: there is none.

    Raises:
        WorkbenchError: a file can't be read, or they don't belong together.
    """
    if options.cert is None:
        if options.key is not None:
            raise WorkbenchError("--key: there is no certificate", fix="add --cert FILE")
        return None
    for name, file in (("cert", options.cert), ("key", options.key)):
        if file is not None and not file.is_file():
            raise WorkbenchError(f"--{name}: there is no file {str(file)!r}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A password would be asked for on the terminal.
        context.load_cert_chain(options.cert, options.key, password=lambda: "")
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
