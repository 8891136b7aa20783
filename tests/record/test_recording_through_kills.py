"""Rows recorded through kills and restarts of the server: each thing once."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import mlflow
import pytest
from bench import Bench
from mlflow import MlflowClient
from mlflow.entities import Expectation, Feedback
from mlflow_server import MLflowServer
from processes import completion_count, wait_for
from record_contents import expected_record, stored_record
from recording import Recording

from workbench.errors import ExitCode
from workbench.run.pending import pending_invocations

pytestmark = [pytest.mark.slow]
AT_LENGTH = "WORKBENCH_KILLS" in os.environ
ROWS, KILLS, RESTARTS = (300, 8, (2, 5)) if AT_LENGTH else (100, 3, (1,))
EXPERIMENT = """\
name: through_kills
dataset: {path: rows.jsonl, expected: label}
prompts: [plain]
models: [echo:last]
evaluators: [exact_match, output_tokens]
"""
# Forks for every line it reads: MLflow takes seconds to import.
RECORD = """\
import os, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from bench import Bench
from recording import Recording
import workbench.tracking.recorder
from workbench.prompt import Renderer
for _ in sys.stdin:
    process = os.fork()
    if not process:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        with Renderer() as renderer:
            bench = Bench(Path({root!r}), renderer)
            Recording(bench, bench.project, {uri!r}).run({text!r})
        os._exit(0)
    print(process, flush=True)
    print(os.waitpid(process, 0)[1], flush=True)
"""


def test_rows_recorded_through_kills_and_restarts_are_each_there_once(
    bench: Bench, empty_store: Path, tmp_path: Path
) -> None:
    random.seed(8)
    rows = [{"id": f"r{n}", "text": f"row {n}", "label": f"row {n % 3}"} for n in range(ROWS)]
    bench.write("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    folder = tmp_path / "server"
    folder.mkdir()
    server = MLflowServer(folder, empty_store)
    with ExitStack() as stack:
        stack.callback(server.kill)
        server.begin()  # it starts while the recorder imports MLflow
        with _start_recorder(bench, server) as recorder:
            store = bench.project.store
            ends = [_kill_recording(recorder, server, store, number) for number in range(KILLS)]
        server.wait()
        recording = Recording(bench, bench.project, server.url)
        done = recording.run(EXPERIMENT)
        assert (done.exit_code, done.requests.sent, done.problems) == (ExitCode.DONE, 0, ())
        assert stored_record(MlflowClient(server.url, server.url), done) == expected_record(done)
        assert recording.run(EXPERIMENT).recorded_before
        _check_counts(server.url, done.parent_run_id)
    assert pending_invocations(bench.project) == []
    assert ends.count(signal.SIGKILL) >= KILLS // 2


def _start_recorder(bench: Bench, server: MLflowServer) -> "subprocess.Popen[str]":
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    code = RECORD.format(paths=paths, root=str(bench.root), uri=server.url, text=EXPERIMENT)
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _kill_recording(
    recorder: "subprocess.Popen[str]", server: MLflowServer, store: Path, number: int
) -> int:
    """Kill a recording at a random moment; return its wait status."""
    server.wait()
    assert recorder.stdin is not None
    assert recorder.stdout is not None
    recorder.stdin.write("\n")
    recorder.stdin.flush()
    process = int(recorder.stdout.readline())
    if not number:  # later ones find the answers, and are killed while they record
        wait_for(lambda: completion_count(store) == ROWS)
    if number in RESTARTS:
        time.sleep(random.uniform(0.2, 1.0))
        server.kill()
        server.begin()
    time.sleep(random.uniform(0.1, 4.0))
    with suppress(ProcessLookupError):  # it may have ended by itself
        os.kill(process, signal.SIGKILL)
    return int(recorder.stdout.readline())


def _check_counts(url: str, parent_run_id: str) -> None:
    """Count as a user does, with MLflow's public API alone."""
    mlflow.set_tracking_uri(url)
    client = MlflowClient(url, url)
    experiment = client.get_experiment_by_name("through_kills")
    runs = client.search_runs([experiment.experiment_id])
    (child,) = [run for run in runs if run.info.run_id != parent_run_id]
    assert len(runs) == 2
    traces = mlflow.search_traces(
        locations=[experiment.experiment_id], return_type="list", max_results=10_000
    )
    assessments = [assessment for trace in traces for assessment in trace.info.assessments]
    assert {
        "traces": len(traces),
        "requests": len({trace.info.request_preview for trace in traces}),
        "feedback": sum(isinstance(assessment, Feedback) for assessment in assessments),
        "expectations": sum(isinstance(assessment, Expectation) for assessment in assessments),
        "versions": [v.version for v in client.search_prompt_versions("qa.plain")],
        "exact": child.data.metrics["exact_match/mean"],
        "scored": int(child.data.params["rows"]),
    } == {
        "traces": ROWS,
        "requests": ROWS,
        "feedback": 2 * ROWS,
        "expectations": ROWS,
        "versions": [1],
        "exact": 3 / ROWS,
        "scored": ROWS,
    }
