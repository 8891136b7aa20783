"""Rows a second that a local model answers.

    python -m benchmarks.local [--rows 64] [--runs 5]

Ours, lm-evaluation-harness' hf backend and openvino-genai read the same texts with the same weights
(SmolLM2-135M-Instruct), each in a process that has loaded its model, in turns. The peers live in
environments of their own, benchmarks/.venvs/NAME; those that are missing are left out:

    lm-eval    torch==2.13.0, then lm_eval[hf]==0.4.13 transformers==5.23.0
    openvino   openvino-genai==2026.4.1, and --gguf FILE: the weights as they were packed

On a machine that others use, too, OMP_NUM_THREADS=1 and rows per CPU second tell more than rows/s.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks.local_texts import NEW_TOKENS, Work, load
from benchmarks.results import Numbers, ResultSheet
from workbench.catalog.models import list_models
from workbench.conversation import Conversation
from workbench.model import PromptCall, Request
from workbench.providers.transformers import TransformersProvider

HERE = Path(__file__).parent
MODEL = "smollm2-135m-instruct"
LM_EVAL = "lm-evaluation-harness 0.4.13 (hf, batch 32, bf16)"
OPENVINO = "openvino-genai 2026.4.1 (GGUF)"
OURS = "workbench transformers: (bf16)"
Ask = Callable[[Work, bool], Numbers]


class Peer:
    """A process of a peer that has loaded its model."""

    def __init__(self, script: str, python: Path, model: Path) -> None:
        self.process = subprocess.Popen(
            [str(python), str(HERE / script), str(model)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read()

    def __call__(self, work: Work, choices: bool) -> Numbers:
        assert self.process.stdin
        request = {
            "texts": list(work.texts),
            "choices": list(work.choices) if choices else [],
            "new_tokens": NEW_TOKENS,
        }
        cpu = _cpu_s(self.process.pid)
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self._read())
        cpu = _cpu_s(self.process.pid) - cpu
        return _numbers(len(work.texts), reply["seconds"], cpu, reply["peak_mb"])

    def _read(self) -> str:
        assert self.process.stdout
        if not (line := self.process.stdout.readline()):
            raise RuntimeError(f"a peer ended: {self.process.args}")
        return line


def ours(work: Work, choices: bool) -> Numbers:
    """From the first request pulled, when the model is loaded, to the last answer."""
    provider = TransformersProvider(MODEL, {})
    begun: list[tuple[float, float, int]] = []

    def requests() -> Iterator[Request]:
        for number, text in enumerate(work.texts):
            if not begun:
                (pid,) = _children()
                begun.append((time.perf_counter(), _cpu_s(pid), pid))
            call = PromptCall(
                Conversation(text=text),
                {"max_tokens": NEW_TOKENS},
                work.choices if choices else (),
            )
            yield Request.from_body(str(number), provider.prepare(call).body)

    cpu, answered = 0.0, 0
    for answer in provider.complete(requests()):
        answered += answer.state != "failed"
        cpu = _cpu_s(begun[0][2])
    seconds = time.perf_counter() - begun[0][0]
    assert answered == len(work.texts)
    peak = float(provider.facts["peak_memory_mb"])
    return _numbers(answered, seconds, cpu - begun[0][1], peak)


def _numbers(rows: int, seconds: float, cpu_s: float, peak_mb: float) -> Numbers:
    return {
        "rows_per_s": rows / seconds,
        "rows_per_cpu_s": rows / cpu_s,
        "wall_s": seconds,
        "cpu_s": cpu_s,
        "peak_mb": peak_mb,
    }


def _cpu_s(pid: int) -> float:
    """User and system time of a process that still runs."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children() -> list[int]:
    """Processes of ours that hold a model."""
    listed = [path.read_text().split() for path in Path("/proc/self/task").glob("*/children")]
    pids = [int(pid) for children in listed for pid in children]
    return [pid for pid in pids if b"transformers.worker" in _command(pid)]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def contestants(stack: ExitStack, gguf: Path | None) -> dict[str, Ask]:
    """Ours, and the peers whose environments are there."""
    (folder,) = [model.folder for model in list_models() if model.name == MODEL]
    asks: dict[str, Ask] = {OURS: ours}
    peers = {LM_EVAL: ("local_lm_eval.py", "lm-eval", folder)}
    if gguf:
        peers[OPENVINO] = ("local_openvino.py", "openvino", gguf)
    for name, (script, environment, model) in peers.items():
        python = HERE / ".venvs" / environment / "bin" / "python"
        if not python.is_file():
            print(f"left out: {name}: no {python}")
            continue
        peer = Peer(script, python, model)
        stack.callback(peer.process.kill)
        asks[name] = peer
    return asks


def main() -> None:
    """Measures in turns, and leaves results/local.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gguf", type=Path, help="the packed weights, for openvino-genai")
    options = parser.parse_args()
    sheet = ResultSheet(
        name="local",
        question=__doc__.splitlines()[0],
        columns={
            "rows_per_s": "rows/s",
            "rows_per_cpu_s": "rows per CPU second",
            "peak_mb": "peak memory, MB",
        },
        beside=LM_EVAL,
        note=f"{options.rows} rows of W1 (few-shot, most of it shared) and W2 (passages, little "
        f"shared), {NEW_TOKENS} new tokens or the likelier of two words; loading not counted.",
    )
    with ExitStack() as stack:
        asks = contestants(stack, options.gguf)
        for name, ask in asks.items():  # once unmeasured
            if name != OURS:
                ask(load(8)[0], False)
        for work in load(options.rows):
            for choices in (False, True):
                able = {name: ask for name, ask in asks.items() if name != OPENVINO or not choices}
                _measure(sheet, work, choices, able, options.runs)
                print(sheet.write())  # after each: a long measurement may be cut short


def _measure(
    sheet: ResultSheet, work: Work, choices: bool, asks: Mapping[str, Ask], runs: int
) -> None:
    measured: dict[str, list[Numbers]] = {name: [] for name in asks}
    for _ in range(runs):
        for name, ask in asks.items():
            measured[name].append(ask(work, choices))
    for name, numbers in measured.items():
        sheet.add(f"{work.name} {'choices' if choices else 'generate'}", name, numbers)


if __name__ == "__main__":
    sys.exit(main())
