"""`workbench ui`: MLflow's own server on 127.0.0.1, and the addresses worth opening."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.tracking.place import Place, connect
from workbench.tracking.runs import PLAN

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
    words = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", place.uri]
    words += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(server, base)
        for line in addresses(place, base):
            say(line)
        say("Ctrl-C ends the server.")
        server.wait()
    finally:
        server.terminate()
        server.wait()


def addresses(place: Place, base: str) -> Iterator[str]:
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
        ids = [run.info.run_id for run in children]
        yield f"\n{experiment.name}"
        for label, address in pages(base, experiment.experiment_id, ids).items():
            yield f"  {label:<12} {address}"


def pages(base: str, experiment_id: str, run_ids: list[str]) -> dict[str, str]:
    """The addresses of MLflow's pages that compare these runs."""
    home = f"{base}/#/experiments/{experiment_id}"
    found = {"variants": f"{home}/evaluation-runs"}
    if len(run_ids) > 1:
        found["row by row"] = f"{home}/runs/{run_ids[0]}/traces?compareToRunUuid={run_ids[1]}"
    found["table"] = f"{home}/runs?compareRunsMode=ARTIFACT"
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
