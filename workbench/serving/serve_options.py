"""Options of `workbench serve` and `workbench-serve`: one table for both command lines.

ServeOptions("support@production", host="0.0.0.0", tokens=Path("tokens.txt"))
--at-once N    Requests that are answered at once; further ones get 429.  [default: 64]
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from workbench.serving.server_settings import ServerSettings

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
SWITCHES = ("quiet", "verbose", "no_trace_texts")
PATHS = {"tokens": "FILE", "cert": "FILE", "key": "FILE", "outbox": "FOLDER"}
REPEATED = "allowed_host"
PORT = 5200


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
    rate: float = ServerSettings.per_second
    at_once: int = ServerSettings.at_once
    timeout: float = ServerSettings.answer_s
    receive_timeout: float = ServerSettings.body_s
    drain: float = 30.0
    quiet: bool = False
    verbose: bool = False
    tracking_uri: str = ""
    trace_rate: float = 1.0
    trace_texts: bool = True
    trace_experiment: str = ""
    outbox: Path | None = None


_DEFAULTS = {field.name: field.default for field in fields(ServeOptions)}


def flag(name: str) -> str:
    """Return the option's name on the command line."""
    return "--" + name.replace("_", "-")


def default(name: str) -> Any:
    """Return the value of an option that is not given."""
    if name in SWITCHES:
        return False
    value = _DEFAULTS.get(name, "")
    return "" if value is MISSING else value


def read_options(values: Mapping[str, Any], tracking_uri: str) -> ServeOptions:
    """Return the options of a command line; `values` has each name of HELP."""
    options = {name: value for name, value in values.items() if name in _DEFAULTS}
    return ServeOptions(
        **options
        | {
            "allowed_hosts": tuple(values[REPEATED] or ()),
            "trace_texts": not values["no_trace_texts"],
            "tracking_uri": tracking_uri,
        }
    )
