"""How soon after its last answer does a run end, where the model is slower than recording?

2,000 rows at 500 ms × 64, that is 128 rows/s: MLflow's record goes along with the answers, and
what is left when the last one comes is its row, the table, the numbers, and their reading back.
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
