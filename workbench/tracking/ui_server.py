"""`workbench ui`: MLflow's server on 127.0.0.1, and the addresses of its useful pages.

variants     http://127.0.0.1:5000/#/experiments/1/evaluation-runs
leaderboard  http://127.0.0.1:5000/#/experiments/1/runs/02d4…
row by row   http://127.0.0.1:5000/#/experiments/1/runs/7c0f…/traces?compareToRunUuid=91ab…
comparison   http://127.0.0.1:5000/#/experiments/1/runs/02d4…/artifacts/comparison.html
"""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from mlflow.entities import Run

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.tracking.page_addresses import ExperimentPages, server_address
from workbench.tracking.recorded_runs import RECORDED_EVALUATORS, read_tag
from workbench.tracking.run_data import EVALUATORS
from workbench.tracking.runs import BASELINE, BEST, PLAN, child_runs, was_compared
from workbench.tracking.tracking_store import TrackingStore, connect
from workbench.tracking.ui_address import served_at

GROUP = Path(__file__).with_name("server_group.py")
START_TIMEOUT_S = 90.0


def serve(
    project: Project, tracking_uri: str, port: int, print_line: Callable[[str], None]
) -> None:
    """Run MLflow's server until Ctrl-C. A store that is a server needs none: print its addresses.

    Raises:
        WorkbenchError: the port is in use, or the server did not start.
    """
    store = connect(project, tracking_uri)
    if store.is_server:
        for line in _addresses(store, server_address(store.uri) or store.masked_uri):
            print_line(line)
        return
    url = f"http://127.0.0.1:{port}"
    if _answers(url):
        raise WorkbenchError(
            f"something listens on port {port} already", fix=f"workbench ui --port {port + 1}"
        )
    command = [sys.executable, "-P", str(GROUP), sys.executable, "-m", "mlflow", "server"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    settings = {
        "MLFLOW_BACKEND_STORE_URI": store.uri,  # not an argument: `ps` would show its password
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # saves 8 processes
    }
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # closed by the system when this process ends
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **settings},
        start_new_session=True,
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _wait_until_ready(server, url)
        for line in _addresses(store, url):
            print_line(line)
        print_line("Ctrl-C stops the server.")
        with served_at(project, store.uri, url), suppress(KeyboardInterrupt):  # the usual end
            server.wait()
    finally:
        with suppress(ProcessLookupError):  # the server has ended by itself
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _addresses(store: TrackingStore, url: str) -> Iterator[str]:
    """Lines with the pages that compare the newest runs of each experiment."""
    yield f"MLflow: {url}"
    for experiment in store.client.search_experiments():
        parents = store.client.search_runs(
            [experiment.experiment_id], f"tags.`{PLAN}` != ''", max_results=1
        )
        if parents:
            yield f"\n{experiment.name}"
            pages = comparison_pages(url, parents[0], child_runs(store, parents[0]))
            for label, address in pages.items():
                yield f"  {label:<12} {address}"


def comparison_pages(url: str, parent: Run, children: Sequence[Run]) -> dict[str, str]:
    """The addresses of MLflow's pages that compare these runs."""
    links, tags = ExperimentPages(url, parent.info.experiment_id), parent.data.tags
    pages = {"variants": links.evaluation_runs, "leaderboard": links.run(parent.info.run_id)}
    ids = [run.info.run_id for run in children]  # an older version named no best one
    best, base = tags.get(BEST) or "".join(ids[:1]), tags.get(BASELINE, "".join(ids[1:2]))
    if best and base:
        pages["row by row"] = links.row_by_row(best, base)
        if was_compared(parent):
            pages["comparison"] = links.comparison(parent.info.run_id)
    metrics = children[0].data.metrics if children else {}
    means = [name for name in metrics if name.endswith("/mean")]
    means += [n for n in metrics if "/" not in n and n not in ("cost", "latency_s", "tokens")]
    recorded = read_tag(RECORDED_EVALUATORS, parent, EVALUATORS) or {}
    evaluator = recorded.get(means[0].removesuffix("/mean")) if means else None
    lowest = evaluator is not None and not evaluator.higher_is_better
    query = {
        "searchFilter": f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
        # Sorted by a metric, the page leaves out the parent, which has no table.
        **(
            {"orderByKey": f"metrics.`{means[0]}`", "orderByAsc": str(lowest).lower()}
            if means
            else {}
        ),
    }
    pages["best first"] = links.runs(query)  # names have more room than on the page of variants
    pages["table"] = links.runs({**query, "compareRunsMode": "ARTIFACT"})
    pages["prompts"] = links.prompts
    return pages


def _wait_until_ready(server: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(url):
        if server.poll() is not None or time.monotonic() > deadline:
            raise WorkbenchError(
                "MLflow's server did not start",
                fix="see why: mlflow server --backend-store-uri sqlite:///.workbench/mlflow.db",
            )
        time.sleep(0.3)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2):  # noqa: S310  our own address
            return True
    except (OSError, urllib.error.URLError):
        return False
