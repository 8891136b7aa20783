"""`workbench serve` and `workbench-serve`: from options to a running server.

serve(ServeOptions("models:/triage~variant@production", tracking_uri="http://mlflow:5000"))
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from workbench.canonical import digest
from workbench.catalog.cache import cache_dir
from workbench.errors import WorkbenchError
from workbench.proxies import exempt_loopback
from workbench.secrets import Redactor, find_secrets
from workbench.serving.answering import AnswerLimits, open_answerer
from workbench.serving.http_server import ServerParts, ServerProcess
from workbench.serving.package_source import FORMS, PackageSource, parse_source
from workbench.serving.request_log import RequestLog
from workbench.serving.serve_options import ServeOptions
from workbench.serving.served_names import registered_model_name
from workbench.serving.source_follower import WatchSettings, open_deployments
from workbench.serving.token_file import TokenFile, add_token
from workbench.serving.traces.folder_outbox import open_outbox
from workbench.serving.traces.trace_settings import TraceSettings, production_experiment

NO_TRACKING = "none"
LAST_TRACES_S = 5.0  # seconds that the end of the server waits for MLflow
DIGITS = 12


def serve(options: ServeOptions, model_name: Callable[[str], str] = registered_model_name) -> None:
    """Serve until a signal comes.

    `model_name` gives a task's registered model, for a source TASK@ALIAS.

    Raises:
        WorkbenchError: an option is wrong, the port is taken, or the version can't be served.
    """
    if not options.source:
        raise WorkbenchError("no package is named", fix=FORMS)
    exempt_loopback()
    redactor = Redactor(find_secrets(os.environ))
    log = RequestLog(requests=not options.quiet, reasons=options.verbose, redactor=redactor)
    source = parse_source(options.source, model_name)
    process = ServerProcess(options, log)
    process.run(partial(_open_parts, options, source, process, redactor))


def make_token(tokens: Path | None, name: str) -> str:
    """Return a new token, whose digest is in the file of tokens from now on.

    Raises:
        WorkbenchError: there is no file, or the name is taken.
    """
    if tokens is None:
        fix = f"--tokens tokens.txt --new-token {name}"
        raise WorkbenchError("--new-token: no file to add the token to", fix=fix)
    return add_token(tokens, name)


@asynccontextmanager
async def _open_parts(
    options: ServeOptions, source: PackageSource, process: ServerProcess, redactor: Redactor
) -> AsyncIterator[ServerParts]:
    """Open the version, and the outbox of its traces where there is an MLflow to send them to."""
    limits = AnswerLimits(timeout_s=options.timeout, most_waiting=options.at_once)
    opener = partial(open_answerer, limits=limits)
    settings = WatchSettings(options.tracking_uri)
    async with open_deployments(source, settings, opener) as deployments:
        if options.tracking_uri in ("", NO_TRACKING):
            yield ServerParts(deployments)
            return
        assert deployments.current
        task = deployments.current.names.task
        traces = TraceSettings(
            options.outbox or _outbox_folder(options),
            options.tracking_uri,
            options.trace_experiment or production_experiment(task),
            options.trace_rate,
            options.trace_texts,
        )
        outbox = open_outbox(traces, redactor, process.log.line, _token_check(process.tokens))
        try:
            yield ServerParts(deployments, outbox)
        finally:
            await asyncio.to_thread(outbox.close, LAST_TRACES_S)


def _outbox_folder(options: ServeOptions) -> Path:
    """The folder of this source and port: two servers must not share one."""
    readable = re.sub(r"[^\w.~@-]", "_", options.source.rpartition("/")[2])[:60]
    address: list[str | int] = [options.source, options.host, options.port]
    return cache_dir() / "serving" / "outbox" / f"{readable}-{digest(address)[:DIGITS]}"


def _token_check(tokens: TokenFile | None) -> Callable[[str], bool]:
    """A function that tells tokens of callers from other texts, to keep them out of traces."""
    return lambda text: tokens is not None and bool(tokens.name_of(text))
