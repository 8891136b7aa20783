"""The time of the whole command: until its leaderboard is shown, and until it ends.

Every first run has a new project, so it also creates the store and MLflow's tables. When the
leaderboard is shown, every completion is durable in the store; when the command has ended, MLflow
has the complete record: metrics, table, a trace per row. Then the same command again, with
everything stored and recorded; with --again; and with one template of two edited.
"""

from collections.abc import Iterator

from benchmarks.measure import RUNS, Server, chosen, measure, serving
from benchmarks.project import EDITED, Bench, fresh, workbench
from benchmarks.results import Numbers, ResultSheet


def run(bench: Bench, server: Server, *words: str) -> Numbers:
    return measure(workbench("run", "--wait", *words), cwd=bench.folder, server=server).numbers()


def first_run(server: Server, rows: int) -> Numbers:
    """The whole command in a new project."""
    with fresh(server.url, rows) as bench:
        return run(bench, server)


def series(server: Server, rows: int) -> Iterator[tuple[str, Numbers]]:
    """One user's commands in a project, one after another."""
    with fresh(server.url, rows) as bench:
        yield "the first time", run(bench, server)
        yield "the same again", run(bench, server)
        yield "`--again`", run(bench, server, "--again")
    with fresh(server.url, rows, prompts=("plain", "other")) as bench:
        yield "two templates, the first time", run(bench, server)
        bench.edit("other", EDITED)
        yield "one template of two edited", run(bench, server)


def main() -> None:
    sheet = ResultSheet(
        "command",
        question="The whole command, 50 ms × 64, three evaluators",
        columns={
            "first_output_s": "leaderboard on the screen, s",
            "wall_s": "ended, MLflow's record whole, s",
            "cpu_s": "CPU, s",
            "largest_mb": "largest process, MB",
            "requests": "requests",
        },
        note="Rows are those of one template. A new project for every first run: MLflow's tables "
        "are made in it.",
    )
    with serving(50) as server:
        first_run(server, 20)  # to warm up the file cache
        for rows in chosen({"2000": 2_000, "10000": 10_000}):
            sittings = [dict(series(server, rows)) for _ in range(RUNS)]
            for name in sittings[0]:
                sheet.add(f"{rows:,} rows", name, [sitting[name] for sitting in sittings])
    sheet.write()


if __name__ == "__main__":
    main()
