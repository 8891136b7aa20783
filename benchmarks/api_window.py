"""The request window, from the first request to the last answer, beside bare clients.

Three clients call the same endpoint in turns: a bare aiohttp loop, AsyncOpenAI as in its
documentation, and Workbench with its store and progress bar: once the completing stage by itself
(CPU per request), once the whole command, stopped after its last answer.
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
    """The completing stage in a new project."""
    command = [sys.executable, "-m", "benchmarks.completing"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with fresh(server.url, rows, concurrency) as bench:
        return measure(command, cwd=bench.folder, server=server, environment=environment)


def command(server: Server, concurrency: int, rows: int) -> Run:
    """The whole command, stopped after its last answer."""
    with fresh(server.url, rows, concurrency) as bench:
        return measure(workbench("run", "--wait"), cwd=bench.folder, server=server, answers=rows)


def numbers(once: Once) -> Numbers:
    """The window, and the CPU time of one more request."""
    many = once(ROWS)
    window = many.numbers()
    if "cpu_s" in many.stdout:
        more = json.loads(many.stdout)["cpu_s"] - json.loads(once(FEW).stdout)["cpu_s"]
        window["request_cpu_ms"] = more / (ROWS - FEW) * 1000
    return window


def case(latency_ms: int, concurrency: int, sheet: ResultSheet) -> None:
    with serving(latency_ms) as server:
        contestants: dict[str, Once] = {
            "aiohttp, bare": partial(client, "aiohttp", server, concurrency),
            "AsyncOpenAI, bare": partial(client, "openai", server, concurrency),
            "Workbench, the stage": partial(stage, server, concurrency),
            "Workbench, the command": partial(command, server, concurrency),
        }
        measured = rounds({name: partial(numbers, once) for name, once in contestants.items()})
    for name, runs in measured.items():
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
