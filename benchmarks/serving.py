"""Requests a second, processor time and start of a served variant, beside `mlflow models serve`.

A package of a variant that asks nobody (`echo:last`), 16 requests at once over connections that
stay open. Workbench has a token, its limits and traces on (outbox, sender and an MLflow store);
MLflow's server has none of these. The processor time is that of all processes of the server.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import ROOT, rounds
from benchmarks.project import BIN, workbench
from benchmarks.results import Numbers, ResultSheet

SECONDS = float(os.environ.get("BENCHMARK_SECONDS", "10"))
CONNECTIONS = 16
START_S = 180.0
LOADING = 503
IDLE_SHARE = 0.03  # of a second of processor time
TICKS = os.sysconf("SC_CLK_TCK")
ROW = {"ticket": "My card was charged twice for the order of last week, and nobody answers."}
EXPERIMENT = """\
dataset: rows.jsonl
prompts: [triage]
models: [echo:last]
evaluators: [output_tokens]
"""
TEMPLATE = "system:\nYou route support tickets.\n\nuser:\n{{ ticket }}\n"


@dataclass
class Contestant:
    """A server's command and the request that it gets.

    Attributes:
        path, body: of the request.
        token: of Workbench; empty: none.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    path: str
    body: dict[str, object]
    token: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def main() -> None:
    sheet = ResultSheet(
        "serving",
        question="A served variant",
        columns={
            "requests_per_s": "requests a second",
            "cpu_ms": "CPU a request, ms",
            "first_answer_s": "start to first answer, s",
            "tree_mb": "memory of all processes, MB",
        },
        beside="`mlflow models serve`",
        note=f"A package of `echo:last`, {CONNECTIONS} requests at once; Workbench with a token, "
        "limits and traces. CPU and memory of all processes of the server.",
    )
    with packaged() as (project, package):
        contestants = {each.name: each for each in contestants_of(project, package)}
        measured = rounds(
            {
                name: (lambda each=contestant: measure_server(each, project))
                for name, contestant in contestants.items()
            }
        )
    for name, runs in measured.items():
        sheet.add("16 at once", name, runs)
    sheet.write()


@contextmanager
def packaged() -> Iterator[tuple[Path, Path]]:
    """A project with an evaluated variant, and its package."""
    folder = Path(tempfile.mkdtemp(prefix="workbench-serving-"))
    try:
        task = folder / "prompts" / "support"
        task.mkdir(parents=True)
        (task / "experiment.yaml").write_text(EXPERIMENT)
        (task / "triage.jinja").write_text(TEMPLATE)
        (task / "rows.jsonl").write_text(json.dumps({"id": "r1", **ROW}) + "\n")
        for words in (("run", "--wait"), ("package", "support", "triage", "--output", "package")):
            subprocess.run(workbench(*words), cwd=folder, check=True, stdout=subprocess.DEVNULL)
        yield folder, folder / "package"
    finally:
        shutil.rmtree(folder)


def contestants_of(project: Path, package: Path) -> Iterator[Contestant]:
    tokens = project / "tokens.txt"
    command = workbench("serve", "--tokens", str(tokens), "--new-token", "bench")
    output = subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)
    token = output.stdout.strip()

    def serve(*options: str) -> Callable[[int], Sequence[str]]:
        limits = ("--tokens", str(tokens), "--rate", "1000000", "--quiet")
        head = workbench("serve", str(package), *limits, *options, "--port")
        return lambda port: [*head, str(port)]

    rows: dict[str, object] = {"dataframe_records": [ROW]}
    chat: dict[str, object] = {"inputs": ROW}
    sampled = ("--trace-rate", "0.01")
    yield Contestant(
        "`workbench serve`, chat", serve(*sampled), "/v1/chat/completions", chat, token
    )
    yield Contestant("`workbench serve`", serve(*sampled), "/invocations", rows, token)
    yield Contestant("`workbench serve`, all traced", serve(), "/invocations", rows, token)
    mlflow = [str(BIN / "mlflow"), "models", "serve", "--env-manager", "local", "-m", str(package)]
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}"}  # it looks for uvicorn there
    yield Contestant(
        "`mlflow models serve`",
        lambda port: [*mlflow, "--port", str(port)],
        "/invocations",
        rows,
        environment=environment,
    )


def measure_server(contestant: Contestant, project: Path) -> Numbers:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}{contestant.path}"
    body = project / "request.json"
    body.write_text(json.dumps(contestant.body))
    begun = time.monotonic()
    process = subprocess.Popen(
        contestant.command(port),
        cwd=project,
        env=os.environ | contestant.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for_answer(url, body.read_bytes(), contestant.token, process)
        first_answer_s = time.monotonic() - begun
        load(url, body, contestant.token, 1.0)
        wait_until_idle(process.pid)
        before = cpu_s(process.pid)
        result = load(url, body, contestant.token, SECONDS)
        used_s = cpu_s(process.pid) - before
        assert not result["failures"], result
        return {
            "requests_per_s": result["requests"] / result["wall_s"],
            "cpu_ms": used_s / result["requests"] * 1000,
            "first_answer_s": first_answer_s,
            "tree_mb": memory_mb(process.pid),
        }
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for_answer(url: str, body: bytes, token: str, process: subprocess.Popen[bytes]) -> None:
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, body, headers)
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(request, timeout=30).close()
        except urllib.error.HTTPError as error:
            if error.code != LOADING:
                raise
        except OSError:  # nobody listens yet
            assert process.poll() is None, "the server has ended"
        else:
            return
        time.sleep(0.02)
    raise TimeoutError("the server did not answer")


def wait_until_idle(pid: int) -> None:
    """Return once the server does nothing more: Workbench's sender has imported MLflow."""
    end = time.monotonic() + START_S
    used = -1.0
    while time.monotonic() < end and cpu_s(pid) - used > IDLE_SHARE:
        used = cpu_s(pid)
        time.sleep(1.0)


def load(url: str, body: Path, token: str, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.serving_load", url, str(body), str(CONNECTIONS)]
    output = subprocess.run(
        [*command, str(seconds), token], cwd=ROOT, check=True, capture_output=True
    )
    return json.loads(output.stdout)


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    pids = [pid]
    for parent in pids:  # it grows
        pids += children.get(parent, [])
    return pids


def cpu_s(pid: int) -> float:
    total = 0
    for member in tree(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mb(pid: int) -> float:
    total = 0.0
    for member in tree(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) / 1000
    return total


if __name__ == "__main__":
    main()
