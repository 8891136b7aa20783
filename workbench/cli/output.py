"""What reaches the terminal: nothing secret, and nothing that fails because nobody listens."""

import io
import sys
from typing import TextIO, cast

from workbench.secrets import CleanStream, Redactor

REDACTOR = Redactor()  # of this process's stdout and stderr, and of all that a command writes


def guard_streams() -> None:
    """Takes secrets out of stdout and stderr; a terminal that knows no `·` gets an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = cast("TextIO", CleanStream(sys.stdout, REDACTOR))
    sys.stderr = cast("TextIO", CleanStream(sys.stderr, REDACTOR))
