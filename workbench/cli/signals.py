"""Signals while requests are in flight: the first stops sending, the second stops at once.

^C
Stopping after the calls in flight. Press Ctrl-C again to stop now.
^C
Stopped. The outcome of the calls in flight is unknown. Run the same command to continue.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING

from workbench.errors import ExitCode
from workbench.report.safe_text import plain

if TYPE_CHECKING:
    from workbench.completing.context import Stop
    from workbench.project import Project

STOPPING = "Stopping after the calls in flight. Press Ctrl-C again to stop now."
EXIT_DELAY_S = 0.7  # after a second signal, until a process that hasn't ended is ended


@contextmanager
def handle_signals(
    project: "Project",
    *,
    announce: Callable[[], str] = lambda: STOPPING,
    before_exit: Callable[[], None] = lambda: None,
) -> Iterator["Stop"]:
    """Let the calls in flight finish on the first signal; end the process soon on the second.

    `announce` returns the line that the first signal prints, `before_exit` is called where the
    second ends the process.
    """
    from workbench.completing.context import Stop

    stop = Stop(drain_s=project.file.drain_s)

    def handle(number: int, _frame: object) -> None:
        stop.request(number)
        if stop.immediate:
            Timer(EXIT_DELAY_S, _exit, [stop.signal, before_exit]).start()
        elif line := announce():
            write_stderr(f"\n{line}\n")

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it for us
        numbers.append(signal.SIGHUP)
    handlers = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _exit(number: int, before_exit: Callable[[], None]) -> None:
    """End the process, whatever its threads do: the store survives any kill."""
    before_exit()
    write_stderr(
        "Stopped. The outcome of the calls in flight is unknown. "
        "Run the same command to continue.\n"
    )
    os._exit(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)


def note_on_stderr(line: str) -> None:
    """Write a line about the command's progress to stderr."""
    write_stderr(f"{plain(line)}\n")


def write_stderr(text: str) -> None:
    """Write to stderr, unless it is closed."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
