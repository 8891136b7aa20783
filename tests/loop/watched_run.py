"""`workbench run --watch` as a process, on a terminal of its own or on pipes.

with watched(home, columns=80) as loop:
    loop.wait_for("watching qa")
    loop.save("plain.jinja", "user:\\n{{ text | upper }}\\n")
    loop.wait_for("plain.jinja saved")
    loop.press("q")
    loop.end()      the exit code
"""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from command import WORKBENCH, environment

TIMEOUT_S = 120


class WatchedRun:
    """The process, its folder, and what it has printed so far."""

    def __init__(self, home: Path, process: subprocess.Popen, output: int, keyboard: int) -> None:
        self.home, self.process = home, process
        self._output, self.keyboard = output, keyboard
        self._chunks: list[bytes] = []
        self._position = 0
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return b"".join(self._chunks).decode(errors="replace").replace("\r\n", "\n")

    def wait_for(self, words: str) -> str:
        """What was printed since the last call, up to the line with these words."""
        deadline = time.monotonic() + TIMEOUT_S
        while words not in self.text[self._position :]:
            if time.monotonic() > deadline or self.process.poll() is not None:
                time.sleep(0.2)
                if words in self.text[self._position :]:
                    break
                raise AssertionError(f"no {words!r} in {self.text[self._position :]!r}")
            time.sleep(0.01)
        start = self._position
        self._position = self.text.index(words, start) + len(words)
        return self.text[start : self._position]

    def save(self, name: str, content: str) -> None:
        (self.home / "prompts" / "qa" / name).write_text(content)

    def press(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        code = self.process.wait(TIMEOUT_S)
        self._reader.join(5)
        return code

    def _follow(self) -> None:
        with suppress(OSError):  # the terminal is closed
            while chunk := os.read(self._output, 65_536):
                self._chunks.append(chunk)


@contextmanager
def watched(home: Path, *words: str, columns: int = 0, **variables: str) -> Iterator[WatchedRun]:
    """The loop in the folder `home`; `columns` of its terminal, 0: it has none."""
    if columns:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    else:
        ours, theirs = os.pipe()
        streams = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs}

    def lead_terminal() -> None:
        if columns:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    # xdist sets COLUMNS, which counts more than the size of a terminal
    inherited = {name: value for name, value in environment().items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [*WORKBENCH, "run", "qa", "--watch", *words],
        cwd=home,
        env=inherited | variables,
        start_new_session=True,
        preexec_fn=lead_terminal,
        **streams,
    )
    os.close(theirs)
    run = WatchedRun(home, process, ours, ours)
    try:
        yield run
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(ours)
