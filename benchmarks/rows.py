"""The cost of a row from 1,000 to 100,000 rows, at no latency.

The command is stopped after its last answer, so the window covers requests and storing, and the
memory is that of the main process. Then the time to the first request of a run with 100,000 stored
rows and 100 new ones, and the time of a second run without any request.
"""

import shutil
from collections.abc import Generator
from functools import partial

from benchmarks.measure import Server, chosen, measure, rounds, serving
from benchmarks.project import NOT_RECORDED, fresh, without_mlflow, workbench
from benchmarks.results import Numbers, ResultSheet

MORE = 100
Runs = Generator[Numbers, None, None]


def requested(server: Server, rows: int) -> Runs:
    """Rows a second from the first request to the last answer, in a new project each time."""
    while True:
        with fresh(server.url, rows) as bench:
            run = measure(workbench("run", "--wait"), cwd=bench.folder, server=server, answers=rows)
        yield {**run.numbers(), "rows_s": rows / run.requests["window_s"]}


def resumed(server: Server, rows: int) -> Runs:
    """All but the last 100 rows are stored, and nothing is recorded, each time."""
    with fresh(server.url, rows + MORE) as bench:
        store, backup = bench.folder / ".workbench", bench.folder / "backup"
        most = workbench("run", "--wait", "--limit", str(rows))
        measure(most, cwd=bench.folder, server=server, answers=rows)
        store.rename(backup)
        while True:
            shutil.copytree(backup, store)
            rest = measure(
                workbench("run", "--wait"), cwd=bench.folder, server=server, answers=MORE
            )
            assert rest.requests["requests"] <= 2 * MORE
            yield rest.numbers()
            shutil.rmtree(store)


def stored(server: Server, rows: int) -> Runs:
    """Rows that are stored and scored by the run before; no MLflow in either."""
    with fresh(server.url, rows) as bench:
        run = partial(
            measure,
            workbench("run", "--wait"),
            cwd=bench.folder,
            server=server,
            environment=without_mlflow(),
            expect=(NOT_RECORDED,),
        )
        run()
        while True:
            again = run()
            assert again.requests["requests"] == 0
            yield again.numbers()


def main() -> None:
    sheet = ResultSheet(
        "rows",
        question="What a row costs where there are many",
        columns={
            "rows_s": "rows/s",
            "own_mb": "process that pays, MB",
            "tree_mb": "all processes at once, MB",
            "first_request_s": "first request after, s",
            "first_output_s": "leaderboard on the screen, s",
            "cpu_s": "CPU, s",
        },
        note="An endpoint that answers at once, 64 at a time; the window is that of the requests.",
    )
    cases = {
        "1000": ("asked and kept", requested, 1_000),
        "10000": ("asked and kept", requested, 10_000),
        "100000": ("asked and kept", requested, 100_000),
        "resume": (f"stored, and {MORE} more to ask", resumed, 100_000),
        "stored": ("stored and scored", stored, 10_000),
    }
    with serving(0) as server:
        next(requested(server, 200))  # to warm up the file cache
        going = {(what, rows): once(server, rows) for what, once, rows in chosen(cases)}
        measured = rounds({case: runs.__next__ for case, runs in going.items()}, warm_up=0)
        for generator in going.values():
            generator.close()
    for (what, rows), runs in measured.items():
        sheet.add(f"{rows:,} rows", what, runs)
    sheet.write()


if __name__ == "__main__":
    main()
