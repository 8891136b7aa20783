"""Progress in a notebook: one line that is written anew, removed when all is done.

completed 310 of 1,200, 30.9 rows/s, 29 s left, 2 failed
"""

import sys
import time
from typing import Any

from workbench.completing.context import Progress
from workbench.errors import pluralize
from workbench.report.progress import Lines, progress
from workbench.report.safe_text import plain

INTERVAL_S = 0.25  # between two versions of the line


class NotebookLine(Lines):
    """One line of a notebook's cell, by a display handle of IPython."""

    def __init__(self, display: Any) -> None:
        super().__init__()
        self._display = display
        self._handle: Any = None
        self._shown_at = 0.0

    def begin(self, total: int) -> None:
        """Show the number of requests."""
        self._total = total
        self._begun_at = time.monotonic()
        if total:
            self._show(f"completing {pluralize(total, 'request')}")

    def advance(self, done: int, failed: int) -> None:
        """Write the line anew, at most four times a second."""
        self._done += done
        self._failed += failed
        now = time.monotonic()
        if now - self._shown_at >= INTERVAL_S:
            self._shown_at = now
            self._show(self.line())

    def wait(self, reason: str) -> None:
        """Show the reason in place of the progress."""
        self._show(reason)

    def note(self, text: str) -> None:
        """Show a line of text that stays."""
        self._display({"text/plain": plain(text)}, raw=True)

    def end(self) -> None:
        """Remove the line."""
        if self._handle is not None:
            self._show("")

    def _show(self, text: str) -> None:
        content = {"text/plain": plain(text)}
        if self._handle is None:
            self._handle = self._display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


def make_progress(*, enabled: bool) -> Progress:
    """A line in a notebook, the command's progress elsewhere; nothing unless enabled."""
    if not enabled:
        return Progress()
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None and hasattr(shell, "kernel"):
        return NotebookLine(sys.modules["IPython"].display.display)
    return progress()
