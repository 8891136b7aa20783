"""Progress of the requests: a bar on a terminal, lines elsewhere; always on stderr.

completing 1,200 requests
completed 310 of 1,200, 30.9 rows/s, 29 s left, 2 failed
"""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from workbench.completing.context import Progress
from workbench.errors import pluralize
from workbench.report.safe_text import plain

INTERVAL_S = 10.0  # between lines
WAIT_S = 60.0  # between two lines about the same wait


class Notes(Progress):
    """Notes only: for requests whose number is not known in advance."""

    def note(self, text: str) -> None:
        """Print a line of text."""
        sys.stderr.write(plain(text) + "\n")
        sys.stderr.flush()


class Lines(Notes):
    """A line at the beginning, every ten seconds and at the end: for a log file."""

    def __init__(self) -> None:
        self._total = self._done = self._failed = 0
        self._begun_at = self._reported_at = 0.0
        self._waits: dict[str, float] = {}

    def begin(self, total: int) -> None:
        """Print the number of requests."""
        self._total = total
        self._begun_at = self._reported_at = time.monotonic()
        if total:
            self.note(f"completing {pluralize(total, 'request')}")

    def advance(self, done: int, failed: int) -> None:
        """Print the progress, at most every ten seconds, and at the end."""
        self._done += done
        self._failed += failed
        now = time.monotonic()
        if done and (now - self._reported_at >= INTERVAL_S or self._done == self._total):
            self._reported_at = now
            self.note(self.line())

    def line(self) -> str:
        """The progress so far."""
        left_s = (self._total - self._done) / self._speed()
        failures = f", {self._failed} failed" if self._failed else ""
        return (
            f"completed {self._done:,} of {self._total:,}, {self._speed():.1f} rows/s, "
            f"{left_s:.0f} s left{failures}"
        )

    def wait(self, reason: str) -> None:
        """Print the reason, which begins with the model's name, at most once a minute."""
        now, model = time.monotonic(), reason.partition(": ")[0]
        if now - self._waits.get(model, -WAIT_S) >= WAIT_S:
            self._waits[model] = now
            self.note(reason)

    def spare(self, count: int) -> None:
        """Reduce the total."""
        self._total -= count

    def _speed(self) -> float:
        """Rows per second since the beginning."""
        return self._done / max(time.monotonic() - self._begun_at, 1e-9)


class Bar(Lines):
    """A bar that is removed at the end: for a terminal."""

    def __init__(self) -> None:
        super().__init__()
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

    def begin(self, total: int) -> None:
        """Show the bar, unless there is nothing to send."""
        self._total = total
        self._begun_at = time.monotonic()
        if total:
            self._task = self._bar.add_task("completing", total=total, speed="", failed="")
            self._bar.start()

    def advance(self, done: int, failed: int) -> None:
        """Move the bar."""
        self._done += done
        self._failed += failed
        if self._task is not None:
            failures = f"{self._failed} failed" if self._failed else ""
            self._bar.update(
                self._task,
                completed=self._done,
                speed=f"{self._speed():.1f} rows/s",
                failed=failures,
            )

    def spare(self, count: int) -> None:
        """Shorten the bar."""
        super().spare(count)
        if self._task is not None:
            self._bar.update(self._task, total=self._total)

    def end(self) -> None:
        """Remove the bar."""
        self._bar.stop()


def progress() -> Lines:
    """A bar if stderr is a terminal, else lines."""
    return Bar() if sys.stderr.isatty() else Lines()
