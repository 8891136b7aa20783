"""Run a command as a whole process, as a user does, and measure its cost.

with serving(latency_ms=50) as server:
    run = measure(["workbench", "run", "bench"], cwd=folder, server=server)
    run.numbers()      {"wall_s": 4.1, "cpu_s": 3.9, "first_output_s": 3.2, "window_s": 1.7, …}

rounds({"ours": …, "theirs": …})    each once unmeasured, then in turns, so that variations
                                    of the machine affect both
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from benchmarks.results import Numbers

ROOT = Path(__file__).resolve().parents[1]
RUNS = int(os.environ.get("BENCHMARK_RUNS", "5"))
SAMPLE_S = 0.2
MOST_S = 600.0
GRACE_S = 10.0  # until a process that was asked to end is ended
ENDED = (128 + signal.SIGTERM, -signal.SIGTERM, -signal.SIGKILL)

Case = TypeVar("Case")


@dataclass(frozen=True)
class Server:
    """A mock endpoint in a process of its own."""

    url: str

    def stats(self) -> dict[str, float]:
        return self._ask("GET", "stats")

    def reset(self) -> None:
        self._ask("POST", "reset")

    def _ask(self, method: str, what: str) -> dict[str, float]:
        address = self.url.removesuffix("/v1") + f"/{what}"
        with urllib.request.urlopen(urllib.request.Request(address, method=method)) as answer:
            return json.load(answer)


@contextmanager
def serving(latency_ms: float) -> Iterator[Server]:
    """A mock endpoint that takes this long for an answer."""
    command = [sys.executable, "-m", "benchmarks.server", "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(process.stdout.readline().strip())
        finally:
            process.kill()


@dataclass
class Run:
    """The cost of one process.

    Attributes:
        cpu_s: user and system time of it and of the children it waited for.
        first_output_s: from start to the first byte on its stdout; None where there is none.
        largest_mb: peak resident memory of the largest of its processes.
        own_mb: peak resident memory of the process itself.
        tree_mb: the most that all its processes held at once, sampled; shared pages count twice.
        requests: what the server saw of it: counts, window_s, mean_in_flight, …
    """

    started: float
    exit_code: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    first_output_s: float | None = None
    largest_mb: float = 0.0
    own_mb: float = 0.0
    tree_mb: float = 0.0
    requests: dict[str, float] = field(default_factory=dict)
    stdout: str = ""
    stderr: str = ""

    def numbers(self) -> dict[str, float | None]:
        """The numbers to store; seconds are counted from its start."""
        numbers: dict[str, float | None] = {
            "wall_s": self.wall_s,
            "cpu_s": self.cpu_s,
            "first_output_s": self.first_output_s,
            "largest_mb": self.largest_mb,
            "own_mb": self.own_mb,
            "tree_mb": self.tree_mb,
        }
        seen = dict(self.requests)
        if seen:
            numbers["requests"] = seen["requests"]
        if seen.get("requests"):
            numbers["first_request_s"] = seen["first_request"] - self.started
            numbers["last_answer_s"] = seen["last_answer"] - self.started
            numbers["after_last_answer_s"] = self.wall_s - numbers["last_answer_s"]
            numbers |= {n: seen[n] for n in ("window_s", "mean_in_flight", "max_in_flight")}
        return numbers


def measure(
    command: Sequence[str],
    *,
    cwd: Path,
    server: Server | None = None,
    environment: Mapping[str, str] | None = None,
    answers: int | None = None,
    expect: Sequence[int] = (0,),
    most_s: float = MOST_S,
) -> Run:
    """Runs a command on terminals of its own, so that it shows its progress.

    Args:
        answers: the command is ended (SIGTERM, then SIGKILL) when the server has given so many;
            None: it runs to its end.
        expect: exit codes that are no fault.
        most_s: it is killed after so many seconds.

    Raises:
        RuntimeError: it ended with another code, or took longer.
    """
    if server:
        server.reset()
    (out, out_end), (err, err_end) = _terminal(), _terminal()
    run = Run(started=time.monotonic())
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=out_end,
        stderr=err_end,
        start_new_session=True,
    )
    os.close(out_end)
    os.close(err_end)
    enough = server and answers and (lambda: server.stats()["answers"] >= answers)
    try:
        _follow(process, run, {out: [], err: []}, enough or (lambda: False), most_s)
    finally:
        if process.returncode is None:  # interrupted: nothing of it goes on behind our back
            os.killpg(process.pid, signal.SIGKILL)
    if server:
        run.requests = server.stats()
    if run.exit_code not in (*expect, *(ENDED if answers else ())):
        raise RuntimeError(f"{list(command)} ended with {run.exit_code}: {run.stderr[-2000:]}")
    return run


def chosen(cases: Mapping[str, Case]) -> list[Case]:
    """All cases of a file, or those that its command line names."""
    return [case for name, case in cases.items() if name in (sys.argv[1:] or cases)]


def rounds(
    contestants: Mapping[Case, Callable[[], Numbers]], runs: int = RUNS, warm_up: int = 1
) -> dict[Case, list[Numbers]]:
    """Every contestant in turns, A B A B …, so that ratios are of one sitting.

    Args:
        warm_up: rounds before the measured ones; none where one run is all that is wanted.
    """
    measured: dict[Case, list[Numbers]] = {name: [] for name in contestants}
    for number in range(-min(warm_up, runs - 1), runs):
        for name, once in contestants.items():
            numbers = once()
            sys.stderr.write(f"round {number + 1} of {runs}: {name} done\n")
            if number >= 0:
                measured[name].append(numbers)
    return measured


def _terminal() -> tuple[int, int]:
    """Our end and the process's, 200 columns wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    os.set_blocking(ours, False)
    return ours, theirs


def _follow(
    process: subprocess.Popen[bytes],
    run: Run,
    output: dict[int, list[bytes]],
    enough: Callable[[], bool],
    most_s: float,
) -> None:
    """Reads and samples until the process is gone, and writes down what it came to."""
    out = next(iter(output))
    gone, sampled, until = os.pidfd_open(process.pid), 0.0, run.started + most_s
    watched = {gone, *output}
    while True:
        ready = select.select(watched, [], [], SAMPLE_S)[0]
        now = time.monotonic()
        for end in output.keys() & set(ready):
            output[end].append(data := _read(end))
            if not data:
                watched.discard(end)
            elif end == out and run.first_output_s is None:
                run.first_output_s = now - run.started
        if gone in ready:
            break
        if now - sampled > SAMPLE_S:
            _sample(process.pid, run)
            sampled = now
            if until > now + GRACE_S and enough():
                os.kill(process.pid, signal.SIGTERM)
                until = now + GRACE_S
        if now > until:
            os.killpg(process.pid, signal.SIGKILL)
    run.wall_s = now - run.started
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = run.exit_code = os.waitstatus_to_exitcode(status)
    for end in output:
        while data := _read(end):
            output[end].append(data)
    for end in (gone, *output):
        os.close(end)
    run.stdout, run.stderr = (b"".join(parts).decode(errors="replace") for parts in output.values())
    run.cpu_s = usage.ru_utime + usage.ru_stime
    run.largest_mb = usage.ru_maxrss / 1024


def _read(end: int) -> bytes:
    """The available bytes; empty once the other end is closed."""
    try:
        return os.read(end, 65536)
    except OSError:
        return b""


def _sample(pid: int, run: Run) -> None:
    """Memory of the process and of all that it has started."""
    resident_mb = 0.0
    for process_id in [pid, *_descendants(pid)]:
        try:
            lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
        except OSError:
            continue
        sizes = dict(line.split(":", 1) for line in lines)
        resident_mb += int(sizes.get("VmRSS", "0 kB").split()[0]) / 1024
        if process_id == pid:
            run.own_mb = max(run.own_mb, int(sizes.get("VmHWM", "0 kB").split()[0]) / 1024)
    run.tree_mb = max(run.tree_mb, resident_mb)


def _descendants(pid: int) -> Iterator[int]:
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from _descendants(int(child))
    except OSError:
        return
