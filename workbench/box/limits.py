"""BoxLimits of a box, and the end of a program in it.

BoxLimits(cpu_s=5, memory_mb=512)
BoxResult(exit_status=1, stderr=b"Traceback …", ended_by="", …)
"""

from dataclasses import asdict, dataclass
from typing import Literal

Method = Literal["bubblewrap", "namespaces", "none"]
EndedBy = Literal["", "time", "cpu", "output"]


@dataclass(frozen=True)
class BoxLimits:
    """BoxLimits of a program; those of its box are in brackets.

    Attributes:
        cpu_s: seconds of computing, of each process.
        wall_s: seconds until the box is ended (all together).
        memory_mb: address space of each process.
        processes: processes and threads (all together).
        folder_mb: size of the writable folder (all together), and of each file.
        files: files and folders in it (all together).
        output_bytes: of stdout and of stderr; then the box is ended.
    """

    cpu_s: int = 5
    wall_s: int = 11
    memory_mb: int = 512
    processes: int = 8
    folder_mb: int = 64
    files: int = 1000
    output_bytes: int = 1 << 20

    def as_json(self) -> dict[str, int]:
        """The limits by name."""
        return asdict(self)


@dataclass(frozen=True)
class BoxResult:
    """The end of a program, and its output.

    Attributes:
        exit_status: None: a signal ended it, or its box was ended.
        signal: number of the signal; None: it ended by itself, or its box was ended. A program that
            exits with a status above 128 looks as if a signal had ended it.
        stdout, stderr: up to `output_bytes` each.
        ended_by: the limit at which it was ended; empty: none. Too little memory is Python's error.
        duration_s: until the last of its processes had ended.
        method: how the box was made; `none`: there was none (`--unsafe-exec`).
    """

    exit_status: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    ended_by: EndedBy
    duration_s: float
    method: Method
