"""The time until `workbench view` shows 100,000 rows.

Two variants, inputs of 60 words, answers of some 30, three scores. The first start is the one
directly after `run`, which has cached what it shows; the others follow one another. Seconds since
the command was started until it has printed its address, has sent the page, and has sent 50 rows.
"""

import json
import os
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from benchmarks.measure import RUNS
from benchmarks.page import answered
from benchmarks.project import without_mlflow, workbench
from benchmarks.results import Numbers, ResultSheet

ROWS = 100_000
VARIANTS = (2, 5)
SHOWN = range(50)


def started(project: Path) -> Numbers:
    """One start, until it has sent the first rows."""
    begun = time.monotonic()
    with subprocess.Popen(
        workbench("view", "--port", "0"),
        cwd=project,
        env=without_mlflow(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            printed = time.monotonic()
            page = _get(address)
            sent = time.monotonic()
            rows = json.loads(_get(f"{address}rows?numbers={','.join(map(str, SHOWN))}"))
            shown = time.monotonic()
            cpu, largest = _cpu_s(process.pid), _largest_mb(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
    if len(rows) != len(SHOWN):
        raise RuntimeError(f"{len(rows)} rows instead of {len(SHOWN)}")
    return {
        "address_s": printed - begun,
        "page_s": sent - begun,
        "rows_s": shown - begun,
        "cpu_s": cpu,
        "largest_mb": largest,
        "page_mb": len(page) / 1e6,
    }


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:
        body: bytes = answer.read()
        return body


def _cpu_s(pid: int) -> float:
    """User and system time of the process."""
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


def _largest_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    sheet = ResultSheet(
        "viewing",
        question="The start of `workbench view`",
        columns={
            "address_s": "address printed, s",
            "page_s": "page sent, s",
            "rows_s": "50 rows sent, s",
            "cpu_s": "CPU, s",
            "largest_mb": "main process, MB",
            "page_mb": "page, MB",
        },
        note="Inputs of 60 words, answers of 25 to 35, three scores; after a run, which caches "
        "what the page shows. Seconds since the command was started.",
    )
    for variants in VARIANTS:
        case = f"{variants} variants, {ROWS:,} rows"
        with answered(ROWS, variants) as project:
            sheet.add(case, "first start after run", [started(project)])
            sheet.add(case, "the next starts", [started(project) for _ in range(RUNS)])
    sheet.write()


if __name__ == "__main__":
    main()
