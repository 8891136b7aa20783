"""Signals while something is being paid for: the first lets it end, the second ends it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING

from workbench.errors import ExitCode

if TYPE_CHECKING:
    from workbench.completing import Stop
    from workbench.project import Project

AT_ONCE = 0.7  # seconds until a second signal ends what doesn't end by itself


@contextmanager
def handle_signals(project: "Project") -> Iterator["Stop"]:
    """The first signal lets what is under way end; the second ends within a second."""
    from workbench.completing import Stop

    stop = Stop(drain_s=project.file.drain_s)

    def interrupted(number: int, _frame: object) -> None:
        stop.ask(number)
        if stop.now:
            Timer(AT_ONCE, _end_at_once, [stop.signal]).start()
        else:
            write_stderr("\nStopping after the calls in flight. Press Ctrl-C again to stop now.\n")

    asked = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup ignores it for us
        asked.append(signal.SIGHUP)
    before = {one: signal.signal(one, interrupted) for one in asked}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _end_at_once(number: int) -> None:
    """Whatever the other threads do; what is kept is kept, as after any kill."""
    write_stderr(
        "Stopped. The outcome of the calls in flight is unknown. "
        "Run the same command to continue.\n"
    )
    os._exit(ExitCode.INTERRUPTED if number == signal.SIGINT else ExitCode.TERMINATED)


def write_stderr(text: str) -> None:
    """On stderr, if anybody listens."""
    with suppress(OSError, ValueError):  # nobody may be listening any more
        sys.stderr.write(text)
        sys.stderr.flush()
