"""A shell on a terminal, into which a user types."""

import os
import pty
import re
import signal
import struct
import termios
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path

PATIENCE_S = 240.0
INTERRUPT = "\x03"


class TypedShell:
    """A shell that is typed into, and read from, line by line.

    Attributes:
        output: all that the terminal has shown.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], columns: int = 120) -> None:
        self._pid, self._terminal = pty.fork()
        if not self._pid:
            os.chdir(folder)
            words = ["bash", "--norc", "--noprofile", "-i"]
            os.execvpe("bash", words, {**variables, "PS1": "$ ", "TERM": "xterm-256color"})
        ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.output = ""
        threading.Thread(target=self._follow, daemon=True).start()
        self.run("bind 'set enable-bracketed-paste off' 2>/dev/null; stty -echo")

    def run(self, line: str) -> tuple[int, str]:
        """Type a command; its exit code and what the terminal shows meanwhile."""
        start = len(self.output)
        self._type(f"{line}\n")
        self._type('echo "[exit $?]"\n')
        code = self.wait_for(r"\[exit (\d+)\]", start)
        return int(code[1]), self.output[start:]

    def start(self, line: str, shown: str) -> str:
        """Type a command that goes on, wait until it has shown a pattern, and interrupt it."""
        start = len(self.output)
        self._type(f"{line}\n")
        self.wait_for(shown, start)
        self._type(INTERRUPT)
        self._type('echo "[exit $?]"\n')
        self.wait_for(r"\[exit (\d+)\]", start)
        return self.output[start:]

    def wait_for(self, pattern: str, start: int) -> "re.Match[str]":
        """Wait until the terminal has shown a pattern since a position of its output."""
        end = time.monotonic() + PATIENCE_S
        while not (match := re.search(pattern, self.output[start:])):
            assert time.monotonic() < end, self.output[start:]
            time.sleep(0.02)
        return match

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def _type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _follow(self) -> None:
        with suppress(OSError):  # the shell has ended
            while read := os.read(self._terminal, 65_536):
                self.output += read.decode(errors="replace").replace("\r\n", "\n")
