"""The loop of `run --watch`: the time from a save to the new score, and many saves in a row.

One of four templates is edited, with 50 rows; the model answers after 50 ms, 64 requests at once.
The new score is the line about the save on the terminal; the model's time is from the first request
to the last answer, as the server sees it. Then 200 saves, each tenth of them broken, some of them
while a run is under way: the last save's answers must be asked for, and no request twice.
"""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks.measure import RUNS, Server, serving
from benchmarks.project import OPENING, Bench, fresh, without_mlflow, workbench
from benchmarks.results import Numbers, ResultSheet

ROWS, SAVES = 50, 200
PROMPTS = ("plain", "second", "third", "fourth")
MOST_S = 120.0


class Loop:
    """The output of a loop on a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], output: int) -> None:
        self.process, self._output = process, output
        self._text = ""
        threading.Thread(target=self._follow, daemon=True).start()

    def wait_for(self, words: str, position: int = 0) -> float:
        """The time at which these words were there, behind a position of the output."""
        until = time.monotonic() + MOST_S
        while words not in self._text[position:]:
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError(f"no {words!r} in {self._text[-2000:]!r}")
            time.sleep(0.002)
        return time.monotonic()

    @property
    def position(self) -> int:
        return len(self._text)

    def count(self, words: str) -> int:
        return self._text.count(words)

    def _follow(self) -> None:
        with suppress(OSError):
            while output := os.read(self._output, 65_536):
                self._text += output.decode(errors="replace")


@contextmanager
def watching(bench: Bench) -> Iterator[Loop]:
    """The loop in a project, once it has its first results."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = subprocess.Popen(
        workbench("run", "--watch", "--tracking-uri", "none"),
        cwd=bench.folder,
        env=without_mlflow(),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        loop = Loop(process, ours)
        loop.wait_for("watching")
        time.sleep(2.0)  # what starts ahead of the next save has started
        yield loop
        process.send_signal(signal.SIGINT)
        process.wait(MOST_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def save(bench: Bench, server: Server, loop: Loop, opening: str) -> Numbers:
    """One save, up to its score."""
    server.reset()
    position, begun = loop.position, time.monotonic()
    bench.edit("second", opening)
    scored = loop.wait_for("second.jinja saved", position) - begun
    model = server.stats()["window_s"]
    return {"score_s": scored, "model_s": model, "beyond_s": scored - model}


def many_saves(bench: Bench, server: Server, loop: Loop) -> Numbers:
    """Saves one after another, some before the run of the last has ended, each tenth broken."""
    server.reset()
    begun = time.monotonic()
    for number in range(SAVES):
        position = loop.position
        broken = number % 10 == 9
        bench.edit("second", f"Save {number}: {'{{ nothing }}' if broken else OPENING}")
        if number % 3:  # else the next save comes at any time
            loop.wait_for("second.jinja saved", position)
        else:
            time.sleep(0.05 * (number % 7))
    position = loop.position
    bench.edit("second", "The last save.")
    loop.wait_for("second.jinja saved", position)
    time.sleep(1.0)
    requests = server.stats()["requests"]
    return {
        "saves": SAVES + 1,
        "saves_s": time.monotonic() - begun,
        "runs": loop.count("second.jinja saved: "),
        "requests": requests,
    }


def main() -> None:
    sheet = ResultSheet(
        "watching",
        question="From a save to the new score, 50 rows, one of four templates, 50 ms × 64",
        columns={
            "score_s": "save to score, s",
            "model_s": "the model's time, s",
            "beyond_s": "beyond it, s",
            "saves": "saves",
            "runs": "states shown",
            "requests": "requests",
        },
        note="A warm loop without MLflow. A save shows a state, unless the next save came first.",
    )
    with serving(50) as server, fresh(server.url, ROWS, prompts=PROMPTS) as bench:
        with watching(bench) as loop:
            runs = [save(bench, server, loop, f"{OPENING} Try {n}.") for n in range(RUNS + 1)]
            sheet.add("a save", "`workbench run --watch`", runs[1:])
        with watching(bench) as loop:
            sheet.add("200 saves", "`workbench run --watch`", [many_saves(bench, server, loop)])
    sheet.write()


if __name__ == "__main__":
    sys.exit(main())
