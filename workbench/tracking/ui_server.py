"""`workbench ui`: MLflow's own server on 127.0.0.1, and the addresses worth opening."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import quote, urlencode

from mlflow.entities import Run

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.tracking.runs import PLAN
from workbench.tracking.tracking_store import TrackingStore, connect

PATIENCE = 90.0  # seconds until the server must answer


def serve(project: Project, tracking_uri: str, port: int, say: Callable[[str], None]) -> None:
    """Runs until it is interrupted.

    Raises:
        WorkbenchError: the store is served already (a server's address), or the port is taken.
    """
    place = connect(project, tracking_uri)
    if place.uri.startswith("http"):
        for line in addresses(place, place.uri.rstrip("/")):
            say(line)
        return
    base = f"http://127.0.0.1:{port}"
    if _answers(base):
        raise WorkbenchError(
            f"something listens on port {port} already", fix=f"workbench ui --port {port + 1}"
        )
    words = [sys.executable, "-m", "mlflow", "server"]
    words += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    own = {
        "MLFLOW_BACKEND_STORE_URI": place.uri,  # its password is not for `ps` to show
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # 8 processes fewer
    }
    server = subprocess.Popen(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **own},
        start_new_session=True,
    )
    signal.signal(signal.SIGTERM, _end)
    try:
        _wait(server, base)
        for line in addresses(place, base):
            say(line)
        say("Ctrl-C ends the server.")
        server.wait()
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _end(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def addresses(place: TrackingStore, base: str) -> Iterator[str]:
    """For each experiment with runs of ours: the pages where they are compared."""
    yield f"MLflow: {base}"
    for experiment in place.client.search_experiments():
        runs = place.client.search_runs(
            [experiment.experiment_id], f"tags.`{PLAN}` != ''", max_results=1
        )
        if not runs:
            continue
        children = place.client.search_runs(
            [experiment.experiment_id],
            f"tags.`mlflow.parentRunId` = '{runs[0].info.run_id}'",
        )
        yield f"\n{experiment.name}"
        for label, address in comparison_pages(base, runs[0], children).items():
            yield f"  {label:<12} {address}"


def comparison_pages(base: str, parent: Run, children: Sequence[Run]) -> dict[str, str]:
    """The addresses of MLflow's pages that compare these runs."""
    home = f"{base}/#/experiments/{parent.info.experiment_id}"
    found = {"variants": f"{home}/evaluation-runs"}
    if len(children) > 1:
        one, other = (run.info.run_id for run in children[:2])
        found["row by row"] = f"{home}/runs/{one}/traces?compareToRunUuid={other}"
    metrics = children[0].data.metrics if children else {}
    means = [name for name in metrics if name.endswith("/mean")]
    query = {
        "compareRunsMode": "ARTIFACT",
        "searchFilter": f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
        # Sorted by a metric, the page leaves the parent out, which has no table.
        **({"orderByKey": f"metrics.`{means[0]}`", "orderByAsc": "false"} if means else {}),
    }
    found["table"] = f"{home}/runs?{urlencode(query, quote_via=quote)}"
    found["prompts"] = f"{home}/prompts"
    return found


def _wait(server: "subprocess.Popen[bytes]", base: str) -> None:
    end = time.monotonic() + PATIENCE
    while not _answers(base):
        if server.poll() is not None or time.monotonic() > end:
            raise WorkbenchError(
                "MLflow's server did not start",
                fix="see why: mlflow server --backend-store-uri sqlite:///.workbench/mlflow.db",
            )
        time.sleep(0.3)


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/health", timeout=2):  # noqa: S310  our own address
            return True
    except (OSError, urllib.error.URLError):
        return False
