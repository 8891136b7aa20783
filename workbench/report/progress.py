"""How far the sending is: a bar on a terminal, plain lines elsewhere; always on stderr."""

import sys
import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress

from workbench.completing import Progress
from workbench.report.safe_text import plain

EVERY = 10.0  # seconds between plain lines


class Bar(Progress):
    """For a person who watches."""

    def __init__(self) -> None:
        self._bar = RichProgress(
            TextColumn("completing"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TextColumn("[red]{task.fields[failed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None
        self._failed = 0
        self._begun = 0.0

    def begin(self, total: int) -> None:
        """Shows the bar, unless there is nothing to do."""
        self._begun = time.monotonic()
        if total:
            self._task = self._bar.add_task("completing", total=total, speed="", failed="")
            self._bar.start()

    def advance(self, done: int, failed: int) -> None:
        """Moves it."""
        if self._task is None:
            return
        self._failed += failed
        finished = self._bar.tasks[0].completed + done
        speed = finished / max(time.monotonic() - self._begun, 1e-9)
        errors = f"{self._failed} failed" if self._failed else ""
        self._bar.update(self._task, advance=done, speed=f"{speed:.1f} rows/s", failed=errors)

    def spare(self, count: int) -> None:
        """Makes it shorter."""
        if self._task is not None and count:
            self._bar.update(self._task, total=(self._bar.tasks[0].total or 0) - count)

    def end(self) -> None:
        """Takes it away."""
        self._bar.stop()

    def note(self, text: str) -> None:
        """A line of its own."""
        _say(text)


class Lines(Progress):
    """For a log file."""

    def __init__(self) -> None:
        self._total = self._done = self._failed = 0
        self._begun = self._said = 0.0

    def begin(self, total: int) -> None:
        """Says how much there is."""
        self._total = total
        self._begun = self._said = time.monotonic()
        if total:
            _say(f"completing {total:,} requests")

    def advance(self, done: int, failed: int) -> None:
        """Says how far it is, every ten seconds and at the end."""
        self._done += done
        self._failed += failed
        now = time.monotonic()
        if done and (now - self._said >= EVERY or self._done == self._total):
            self._said = now
            speed = self._done / max(now - self._begun, 1e-9)
            left = (self._total - self._done) / speed
            failures = f", {self._failed} failed" if self._failed else ""
            _say(
                f"completed {self._done:,} of {self._total:,}, {speed:.1f} rows/s, "
                f"{left:.0f} s left{failures}"
            )

    def spare(self, count: int) -> None:
        """Says that there is less to do."""
        self._total -= count

    def end(self) -> None:
        """Says nothing more."""

    def note(self, text: str) -> None:
        """A line of its own."""
        _say(text)


def progress() -> Bar | Lines:
    """As suits whoever watches."""
    return Bar() if sys.stderr.isatty() else Lines()


def _say(line: str) -> None:
    sys.stderr.write(plain(line) + "\n")
    sys.stderr.flush()
