"""The time until the help, a plan of 10,000 rows or 9,000 prompts, and the first request."""

from functools import partial

from benchmarks.measure import Server, measure, rounds, serving
from benchmarks.project import fresh, workbench
from benchmarks.results import Numbers, ResultSheet


def helping(server: Server) -> Numbers:
    with fresh(server.url, 1) as bench:
        return measure(workbench("--help"), cwd=bench.folder).numbers()


def planning(server: Server, rows: int) -> Numbers:
    with fresh(server.url, rows) as bench:
        return measure(workbench("plan"), cwd=bench.folder).numbers()


def planning_prompts(server: Server, prompts: int) -> Numbers:
    """Many templates on one row."""
    names = [f"p{number}" for number in range(prompts)]
    with fresh(server.url, 1, prompts=names) as bench:
        return measure(workbench("plan"), cwd=bench.folder).numbers()


def first_request(server: Server, rows: int) -> Numbers:
    """Ended after some answers."""
    with fresh(server.url, rows) as bench:
        run = measure(workbench("run", "--wait"), cwd=bench.folder, server=server, answers=64)
    return {"first_request_s": run.numbers()["first_request_s"]}


def main() -> None:
    sheet = ResultSheet(
        "start",
        question="Until something happens",
        columns={
            "wall_s": "ended, s",
            "first_request_s": "first request, s",
            "cpu_s": "CPU, s",
            "largest_mb": "largest process, MB",
        },
        note="In a project where nothing is stored; seconds since the process was started.",
    )
    with serving(50) as server:
        measured = rounds(
            {
                "`workbench --help`": partial(helping, server),
                "`workbench plan`, 10,000 rows": partial(planning, server, 10_000),
                "`workbench plan`, 2,000 prompts": partial(planning_prompts, server, 2_000),
                "`workbench plan`, 9,000 prompts": partial(planning_prompts, server, 9_000),
                "`workbench run`, 2,000 rows": partial(first_request, server, 2_000),
                "`workbench run`, 10,000 rows": partial(first_request, server, 10_000),
            }
        )
    for name, runs in measured.items():
        sheet.add("Start", name, runs)
    sheet.write()


if __name__ == "__main__":
    main()
