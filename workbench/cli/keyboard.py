r"""Keys pressed while a command runs, without Enter behind them; the terminal is restored after.

with Keyboard(pressed=keys.put): …        "r", "\n"
"""

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

POLL_S = 0.2


class Keyboard:
    """The terminal's keys within a `with`; `pressed` gets each in another thread.

    Enter is a line end.

    Attributes:
        is_available: False where stdin is no terminal, or the command is in the background.
    """

    def __init__(self, pressed: Callable[[str], None]) -> None:
        self._pressed = pressed
        self._closed = threading.Event()
        self._settings: list[Any] | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.is_available = _is_foreground()

    def __enter__(self) -> Self:
        if self.is_available:
            self._settings = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno())
            self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closed.set()
        if self._settings:
            self._thread.join()
        self.restore()

    def restore(self) -> None:
        """Give the terminal the settings that it had."""
        if self._settings:
            with suppress(termios.error, ValueError):  # the terminal is closed
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._settings)

    def _read(self) -> None:
        with suppress(OSError, ValueError):  # the terminal is closed
            descriptor = sys.stdin.fileno()
            while not self._closed.is_set():
                if select.select([descriptor], [], [], POLL_S)[0]:
                    keys = os.read(descriptor, 64)
                    if not keys:
                        return
                    for key in keys.decode(errors="ignore"):
                        self._pressed("\n" if key == "\r" else key)


def _is_foreground() -> bool:
    """True if stdin is a terminal whose keys this process may read."""
    try:
        descriptor = sys.stdin.fileno()
        return sys.stdin.isatty() and os.tcgetpgrp(descriptor) == os.getpgrp()
    except (OSError, ValueError):
        return False
