"""What reaches the terminal: nothing secret, and nothing that fails because nobody listens."""

import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, cast

from workbench.errors import ExitCode, WorkbenchError
from workbench.secrets import RedactedStream, Redactor

REDACTOR = Redactor()  # of this process's stdout and stderr, and of all that a command writes
HUNG_UP = (errno.EPIPE, errno.EIO, errno.EBADF)  # a reader that has seen enough, a closed terminal


class SafeStream(RedactedStream):
    """A clean stream that goes on into nothing when it can't be written any more.

    Attributes:
        lost: why it can't, unless a reader has simply hung up.
    """

    lost: OSError | None = None

    def write(self, text: str) -> int:
        """Writes `text`, cleaned, if anybody listens."""
        self._try(lambda: RedactedStream.write(self, text))
        return len(text)

    def flush(self) -> None:
        """Flushes, if anybody listens."""
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in HUNG_UP:
                self.lost = self.lost or error
            if not self._stream.closed:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def guard_streams() -> SafeStream:
    """Guards stdout and stderr, and gives stdout; a terminal that knows no `·` gets an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stderr = cast("TextIO", SafeStream(sys.stderr, REDACTOR))
    stdout = SafeStream(sys.stdout, REDACTOR)
    sys.stdout = cast("TextIO", stdout)
    return stdout


def write_file(path: Path, text: str) -> None:
    """A file that the user has named, its folder made where it isn't there.

    Raises:
        WorkbenchError: it can't be written (exit code 5).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WorkbenchError(
            f"can't be written: {error.strerror}",
            where=str(path),
            fix="name a file that can be written",
            exit_code=ExitCode.STORAGE,
        ) from error
