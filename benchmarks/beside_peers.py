"""The same work with other tools: 2,000 rows, 50 ms × 64, exact match, no cache.

Every tool that `make bench-peers` has installed runs in turns with `workbench run`, each as a
whole process in an empty folder. `result_s` is when the result is there: for a peer when its
process has ended, for Workbench when the leaderboard is on the screen and everything is in the
store; its `wall_s` has MLflow's whole record with traces in it, and three evaluators instead of
the peers' one.
"""

import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.command import first_run
from benchmarks.measure import ROOT, RUNS, Server, chosen, measure, rounds, serving
from benchmarks.peers.install import installed, python_of, versions
from benchmarks.results import Numbers, ResultSheet

# The name in the table, the environment, the module.
PEERS = {
    "DeepEval, fed by a bare loop": ("deepeval", "deepeval"),
    "mlflow.evaluate, fed by a bare loop": ("mlflow", "mlflow_evaluate"),
    "lm-evaluation-harness": ("lm-eval-api", "lm_eval"),
    "promptfoo": ("promptfoo", "promptfoo"),
    "Inspect AI": ("inspect", "inspect_ai"),
}
SLOW = {"mlflow.genai.evaluate, 4 workers": ("mlflow", "mlflow_genai")}
OURS = "workbench run"


def peer(environment: str, module: str, server: Server, rows: int) -> Numbers:
    python = sys.executable if environment == "promptfoo" else str(python_of(environment))
    command = [python, "-m", f"benchmarks.peers.{module}", server.url, str(rows), "64"]
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        variables = os.environ | {"PYTHONPATH": str(ROOT), "HOME": folder}
        run = measure(command, cwd=Path(folder), server=server, environment=variables)
    assert run.requests["requests"] >= rows, run.stderr[-2000:]
    return {**run.numbers(), "result_s": run.wall_s}


def ours(server: Server, rows: int) -> Numbers:
    numbers = first_run(server, rows)
    return {**numbers, "result_s": numbers["first_output_s"]}


def case(rows: int, peers: dict[str, tuple[str, str]], runs: int, sheet: ResultSheet) -> None:
    with serving(50) as server:
        contestants = {OURS: partial(ours, server, rows)} | {
            name: partial(peer, environment, module, server, rows)
            for name, (environment, module) in peers.items()
            if installed(environment)
        }
        measured = rounds(contestants, runs)
    for name, numbers in measured.items():
        sheet.add(f"{rows:,} rows", name, numbers)


def main() -> None:
    sheet = ResultSheet(
        "beside_peers",
        question="The same work with other tools, 50 ms × 64, exact match",
        columns={
            "result_s": "result, s",
            "wall_s": "ended, s",
            "cpu_s": "CPU, s",
            "largest_mb": "largest process, MB",
            "mean_in_flight": "mean in flight of 64",
        },
        beside=OURS,
        versions=versions(),
        note=" ".join(__doc__.split("\n\n")[1].split()),
    )
    cases = {
        "2000": (2_000, PEERS, RUNS),
        "10000": (10_000, PEERS, 1),
        "genai": (200, SLOW, RUNS),
    }
    for rows, peers, runs in chosen(cases):
        case(rows, peers, runs, sheet)
    sheet.write()


if __name__ == "__main__":
    main()
