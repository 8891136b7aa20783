"""Output without secrets, to a terminal that may be closed and files that the user names.

$ workbench run --json | head -c 1     a closed pipe is no error
"""

import errno
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, TextIO, cast

from workbench.canonical import SCHEMA_VERSION
from workbench.report.safe_text import (
    escape_commands,
    escape_json,
    escape_printed,
    is_ci,
    json_line,
    plain,
)
from workbench.secrets import RedactedStream, Redactor, mask_text

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from workbench.canonical import JSON

REDACTOR = Redactor()  # of stdout, stderr, and everything that a command writes
UNFOLDED = 100_000  # columns where stdout is no terminal: wider than any line
CLOSED = (errno.EPIPE, errno.EIO, errno.EBADF)  # a reader that has ended, a closed terminal


class SafeStream(RedactedStream):
    """A redacted stream that discards its output once it cannot be written.

    Attributes:
        lost: the reason; None if it could be written, or its reader has ended.
    """

    lost: OSError | None = None

    def __init__(self, stream: TextIO, *, masks: bool) -> None:
        """`masks`: also hide what looks like a password or a key: a stream of messages."""
        super().__init__(stream, REDACTOR)
        self._masks = masks
        self.is_log = is_ci() and not _is_file(stream)
        self._drives = stream.isatty() and not masks  # stderr has a progress bar's sequences

    def write(self, text: str) -> int:
        """Write the redacted text, which drives neither a terminal nor a CI system."""
        safe = self._redactor.redact(text)
        if self._masks:
            safe = mask_text(safe)
        if self._drives:
            safe = escape_printed(safe)
        elif self.is_log:
            safe = escape_commands(safe)
        self._try(lambda: self._stream.write(safe))
        return len(text)

    def write_commands(self, lines: Iterable[str]) -> None:
        """Write commands for a CI system: no others reach it."""
        text = self._redactor.redact("".join(f"{plain(line)}\n" for line in lines))
        self._try(lambda: self._stream.write(text))

    def write_export(self, lines: Iterable[bytes], *, as_json: bool) -> None:
        """Write stored text: to a file or a pipe as it is, to a terminal or a CI log harmless."""
        if self.is_log or self._stream.isatty():
            for line in lines:
                text = line.decode()
                self.write(escape_json(text) if as_json else escape_commands(text))
        else:
            self._try(lambda: self._stream.buffer.writelines(lines))
            self._try(self._stream.buffer.flush)

    def flush(self) -> None:
        """Flush the stream."""
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno not in CLOSED:
                self.lost = self.lost or error
            if not self._stream.closed:
                os.dup2(_null_device(), self._stream.fileno())


@cache
def _null_device() -> int:
    """A descriptor of it, opened once: later all descriptors may be in use."""
    return os.open(os.devnull, os.O_WRONLY)


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def guard_streams() -> SafeStream:
    """Replace stdout and stderr by safe streams; return stdout.

    A character that the terminal's encoding lacks is written as an escape. A closed stream becomes
    the null device: otherwise the next file to be opened, such as the store, would be stdout.
    """
    _open_closed_streams()
    _null_device()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stderr = cast("TextIO", SafeStream(sys.stderr, masks=True))
    stdout = SafeStream(sys.stdout, masks=False)
    sys.stdout = cast("TextIO", stdout)
    return stdout


def _open_closed_streams() -> None:
    """Open the null device for the standard streams with which Python started closed.

    A file that the environment opened since may have got the stream's number. The file keeps it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        is_free = not _is_open(number)
        if is_free or getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
            os.set_inheritable(descriptor, is_free)  # child processes write to it
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w"))


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout, without the characters that control a terminal."""
    sys.stdout.writelines(f"{plain(line)}\n" for line in lines)


def print_json(document: "dict[str, JSON]") -> None:
    """Print an object with its `schema_version` as one line of JSON."""
    sys.stdout.write(f"{json_line({'schema_version': SCHEMA_VERSION, **document})}\n")


def print_result(result: "dict[str, JSON] | Iterable[str]") -> None:
    """Print an object as JSON, and lines as text."""
    if isinstance(result, dict):
        print_json(result)
    else:
        print_lines(result)


def print_export(lines: Iterable[bytes], *, as_json: bool) -> None:
    """Print stored text; see `SafeStream.write_export`."""
    cast("SafeStream", sys.stdout).write_export(lines, as_json=as_json)


def print_commands(lines: Iterable[str], *, on_stderr: bool) -> None:
    """Print commands for the runner of a CI system."""
    cast("SafeStream", sys.stderr if on_stderr else sys.stdout).write_commands(lines)


def print_styled(styled: "Table | Text") -> None:
    """Print a table or a text, folded to the width of a terminal; elsewhere no line is folded."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    from workbench.report.tables import fits, plain_lines, stack_cells

    if sys.stdout.isatty():
        console = Console()
        if isinstance(styled, Text) or fits(styled, console.width):
            console.print(styled)
        else:
            console.print(stack_cells(styled))
    elif isinstance(styled, Text):
        print_lines([styled.plain])
    else:
        console = Console(width=UNFOLDED)
        lines = [] if console.is_terminal else plain_lines(styled)  # FORCE_COLOR
        if lines and cell_len(lines[0]) < UNFOLDED:
            sys.stdout.write("".join(f"{line}\n" for line in lines))
        else:
            console.print(styled)


def terminal_width(piped: int) -> int:
    """The columns of the terminal; `piped` where stdout is none."""
    from rich.console import Console

    return Console().width if sys.stdout.isatty() else piped
