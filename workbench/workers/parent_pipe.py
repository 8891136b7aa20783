"""The child's side: its pipes to the parent, and its end with the parent.

    standard input    {"load": {"folder": "/models/smollm2", "settings": {}}}
    standard output   an empty line when the child is ready, then {"loaded": true}

Output of libraries and of processes that they start goes to /dev/null, never into the answers.
"""

import ctypes
import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator

from workbench.canonical import JSON

PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>


class ParentPipe:
    """The pipes that were standard input and output; threads may send at the same time."""

    def __init__(self) -> None:
        self._requests, self._answers = os.fdopen(_duplicate(0), "rb"), _duplicate(1)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        self._lock = threading.Lock()

    def send_ready(self) -> None:
        """Tell the parent that requests may come."""
        self._write("")

    def send(self, message: JSON) -> None:
        """Write one line."""
        self.send_line(json.dumps(message))

    def send_line(self, line: str) -> None:
        """Write a line that is JSON already."""
        self._write(line)

    def requests(self) -> Iterator[JSON]:
        """The parent's requests, until the parent ends."""
        for line in self._requests:
            yield json.loads(line)

    def _write(self, line: str) -> None:
        unsent = memoryview(f"{line}\n".encode())
        with self._lock:
            while unsent:
                unsent = unsent[os.write(self._answers, unsent) :]


def _duplicate(descriptor: int) -> int:
    """A copy above 2: standard error may be closed, and its number would be the lowest free one."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)


def die_with(parent: int) -> None:
    """Have the system kill this process when its parent ends; on Linux only.

    The signal comes when the thread ends that started this process.

    Args:
        parent: its process number.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
