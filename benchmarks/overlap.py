"""The time from the last answer to the end of a run, with a model slower than recording.

2,000 rows at 500 ms × 64, that is 128 rows/s: MLflow's record is written while answers arrive.
After the last one its row, the table and the metrics are left, and reading them back.
"""

from benchmarks.command import first_run
from benchmarks.measure import RUNS, serving
from benchmarks.results import ResultSheet

ROWS, LATENCY_MS = 2_000, 500


def main() -> None:
    sheet = ResultSheet(
        "overlap",
        question="A model slower than recording",
        columns={
            "after_last_answer_s": "ended after the last answer, s",
            "wall_s": "ended, s",
            "window_s": "window of the requests, s",
            "cpu_s": "CPU, s",
        },
        note="Three evaluators, a new project each time.",
    )
    with serving(LATENCY_MS) as server:
        runs = [first_run(server, ROWS) for _ in range(RUNS)]
    sheet.add(f"{ROWS:,} rows, {LATENCY_MS} ms × 64", "workbench run", runs)
    sheet.write()


if __name__ == "__main__":
    main()
