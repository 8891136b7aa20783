"""The rate of recording a run in MLflow with everything its pages show, and the rows lost.

The completions are stored already, scored by another evaluator and not recorded. So the command
sends nothing: it scores with three evaluators and records metrics, the table, a trace per row with
its assessments, and the link to the prompt, in a new SQLite store. The cost of a row is the
difference between many rows and few, without start-up and MLflow's tables. mlflow.genai.evaluate
does the same in turns, with three scorers as simple and four workers: with more, SQLite loses
assessments.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.measure import ROOT, Run, Server, measure, rounds, serving
from benchmarks.project import EVALUATORS, NOT_RECORDED, fresh, without_mlflow, workbench
from benchmarks.results import Numbers, ResultSheet

FEW, MANY = 200, 2_000
GENAI_FEW, GENAI_MANY = 20, 200  # it takes some 50 to 100 ms a row
Once = Callable[[int], tuple[Run, dict[str, int]]]


def workbench_records(server: Server, rows: int) -> tuple[Run, dict[str, int]]:
    with fresh(server.url, rows, evaluators=["json_valid"]) as bench:
        measure(
            workbench("run", "--wait"),
            cwd=bench.folder,
            server=server,
            environment=without_mlflow(),
            expect=(NOT_RECORDED,),
        )
        bench.judge_by(EVALUATORS)
        run = measure(workbench("run", "--wait"), cwd=bench.folder, server=server)
        counts = read_back(bench.folder / ".workbench" / "mlflow.db")
    assert run.requests["requests"] == 0
    assert counts["linked"] == rows, counts
    return run, counts


def genai_records(_server: Server, rows: int) -> tuple[Run, dict[str, int]]:
    command = [sys.executable, "-m", "benchmarks.peers.mlflow_genai", "", str(rows)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="genai-") as folder:
        run = measure(command, cwd=Path(folder), environment=environment)
        return run, read_back(Path(folder) / "mlflow.db")


def read_back(database: Path) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks.read_back", f"sqlite:///{database}"]
    return json.loads(measure(command, cwd=ROOT).stdout.splitlines()[-1])


def per_row(once: Once, few: int, many: int) -> Numbers:
    """Rows a second between few rows and many, and the rows lost of the many."""
    (small, _), (large, counts) = once(few), once(many)
    rows = many - few
    return {
        "rows_s": rows / (large.wall_s - small.wall_s),
        "row_cpu_ms": (large.cpu_s - small.cpu_s) / rows * 1000,
        "wall_s": large.wall_s,
        "lost": many - counts["whole"],
    }


def main() -> None:
    sheet = ResultSheet(
        "recording",
        question="Recording into MLflow's SQLite store, three evaluators",
        columns={
            "rows_s": "rows/s",
            "row_cpu_ms": "CPU a row, ms",
            "wall_s": "whole command, s",
            "lost": "rows lost",
        },
        beside=f"mlflow.genai.evaluate, 4 workers, {GENAI_MANY} rows",
        note=f"Rows/s and CPU: {MANY:,} rows − {FEW} rows; of mlflow.genai.evaluate "
        f"{GENAI_MANY} − {GENAI_FEW}. Lost: rows that lack spans, one of three scores, or what was "
        "wanted, when they are read back.",
    )
    with serving(0) as server:
        contestants = {
            f"workbench run, {MANY:,} rows": partial(
                per_row, partial(workbench_records, server), FEW, MANY
            ),
            sheet.beside: partial(per_row, partial(genai_records, server), GENAI_FEW, GENAI_MANY),
        }
        measured = rounds(contestants)
    for name, runs in measured.items():
        sheet.add("SQLite", name, runs)
    sheet.write()


if __name__ == "__main__":
    main()
