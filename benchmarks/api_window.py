"""How near does sending come to the limit: the window from the first request to the last answer?

Three on the same endpoint, in turns: a bare aiohttp loop, AsyncOpenAI as its documentation has it,
and Workbench with the store committing and the bar running, once as the stage alone (its processor
time for a request) and once inside the whole command, which is ended after its last answer.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial

from benchmarks.measure import ROOT, Run, Server, chosen, measure, rounds, serving
from benchmarks.project import fresh, workbench
from benchmarks.results import Numbers, ResultSheet

ROWS, FEW = 2_000, 200
IDEAL = "ideal: rows / concurrency × latency = 1.56 s in both cases"
Once = Callable[[int], Run]


def client(name: str, server: Server, concurrency: int, rows: int) -> Run:
    words = [sys.executable, "-m", "benchmarks.clients", name, server.url]
    return measure([*words, str(rows), str(concurrency)], cwd=ROOT, server=server)


def stage(server: Server, concurrency: int, rows: int) -> Run:
    """In a project of its own, where nothing is stored yet."""
    command = [sys.executable, "-m", "benchmarks.completing"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with fresh(server.url, rows, concurrency) as bench:
        return measure(command, cwd=bench.folder, server=server, environment=environment)


def command(server: Server, concurrency: int, rows: int) -> Run:
    """Ended after its last answer: what comes then is another question."""
    with fresh(server.url, rows, concurrency) as bench:
        return measure(workbench("run"), cwd=bench.folder, server=server, answers=rows)


def numbers(once: Once) -> Numbers:
    """The window, and what a request more costs in processor time."""
    many = once(ROWS)
    found = many.numbers()
    if "cpu_s" in many.stdout:
        more = json.loads(many.stdout)["cpu_s"] - json.loads(once(FEW).stdout)["cpu_s"]
        found["request_cpu_ms"] = more / (ROWS - FEW) * 1000
    return found


def case(latency_ms: int, concurrency: int, sheet: ResultSheet) -> None:
    with serving(latency_ms) as server:
        contestants: dict[str, Once] = {
            "aiohttp, bare": partial(client, "aiohttp", server, concurrency),
            "AsyncOpenAI, bare": partial(client, "openai", server, concurrency),
            "Workbench, the stage": partial(stage, server, concurrency),
            "Workbench, the command": partial(command, server, concurrency),
        }
        found = rounds({name: partial(numbers, once) for name, once in contestants.items()})
    for name, runs in found.items():
        sheet.add(f"{latency_ms} ms × {concurrency}", name, runs)


def main() -> None:
    sheet = ResultSheet(
        "api_window",
        question=f"The request window of {ROWS:,} chat requests beside bare clients",
        columns={
            "window_s": "window, s",
            "request_cpu_ms": "CPU a request, ms",
            "mean_in_flight": "mean in flight",
        },
        beside="aiohttp, bare",
        note=f"{IDEAL}. CPU a request: ({ROWS:,} rows − {FEW} rows) / {ROWS - FEW:,}, user and "
        "system time of the client's process.",
    )
    for latency_ms, concurrency in chosen({"50x64": (50, 64), "200x256": (200, 256)}):
        case(latency_ms, concurrency, sheet)
    sheet.write()


if __name__ == "__main__":
    main()
