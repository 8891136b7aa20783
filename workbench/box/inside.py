"""The last steps before a program runs in its box, in the program's own process.

    main("/box")          read a job from stdin, confine this process for good, run the program

A job is a mapping of plain values: `files`, `argv`, `stdin`, `limits`, `entry` (which program),
`folder` (the only writable one), `uid` (null: this one), `mounts` (mount the folder), `descriptors`
(pipes that stay open), `confined` (false: limits only, for `--unsafe-exec`).
"""

from __future__ import annotations

import os
import resource
import sys
from importlib.machinery import SourceFileLoader

from workbench.box.call_filter import install_filter
from workbench.box.landlock import restrict
from workbench.box.plain_values import decode
from workbench.box.syscalls import (
    NO_DEVICES,
    NO_EXEC,
    NO_NEW_PRIVILEGES,
    NO_SUID,
    drop_capabilities,
    mount,
    set_process_option,
)

TYPE_CHECKING = False  # `typing` takes longer to import than a small program runs
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MEGABYTE = 1 << 20
OPEN_FILES = 64
FOLDER = "/tmp"  # noqa: S108  the box's own
FIRST_UID = 1_879_048_192  # above the users that Linux distributions assign
UID_COUNT = 1 << 22


def read_job() -> dict[str, Any]:
    """Return the job from stdin, which is empty afterwards."""
    parts = []
    while part := os.read(0, MEGABYTE):
        parts.append(part)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    job: dict[str, Any] = decode(b"".join(parts))
    return job


def unused_uid() -> int:
    """A random user number, above those of this machine's users.

    The kernel counts processes by user, so each box has a user of its own. Root has no limit.
    """
    number = int.from_bytes(os.urandom(4), "little")
    with open("/proc/self/uid_map") as lines:
        ranges = [[int(number) for number in line.split()] for line in lines]
    first, _, count = max(ranges, key=lambda numbers: numbers[2])
    if first + count > FIRST_UID + UID_COUNT:
        return FIRST_UID + number % UID_COUNT
    return first + count - 2 - number % max(1, count // 4)  # in a container


def change_user(uid: int) -> None:
    """Become an ordinary user; root's capabilities are lost with it."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def main(job: dict[str, Any] | None = None) -> None:
    """Run the job of stdin, or this one."""
    job = read_job() if job is None else job
    folder: str = job["folder"]
    if job["mounts"]:
        mount_folder(job["limits"], folder, "")
    _close_others({0, 1, 2, *job["descriptors"]})
    if job["uid"] is not None:
        change_user(job["uid"])
    os.environ.clear()
    os.chdir(folder)
    for name, content in job["files"].items():
        with open(name, "xb") as file:
            file.write(content)
    if job["stdin"]:
        _replace_stdin(job["stdin"])
    program = load_program(job)
    _set_limits(job["limits"], confined=job["confined"])
    if job["confined"]:
        drop_capabilities()
        set_process_option(NO_NEW_PRIVILEGES, 1)
        restrict(folder)
        install_filter()
    program()


def mount_folder(limits: dict[str, int], folder: str, root: str) -> None:
    """Mount the writable folder below `root`, with limits on its size and number of files."""
    # A folder's inode counts, too.
    options = f"size={limits['folder_mb']}m,nr_inodes={limits['files'] + 1},mode=1777"
    mount("tmpfs", root + folder, "tmpfs", NO_SUID | NO_DEVICES | NO_EXEC, options)


def _close_others(still_open: set[int]) -> None:
    last = -1
    for descriptor in [*sorted(still_open), 1 << 16]:
        if descriptor > last + 1:  # an empty range at 0 would be all of them
            os.closerange(last + 1, descriptor)
        last = descriptor


def _replace_stdin(content: bytes) -> None:
    with open(".stdin", "w+b") as file:
        os.unlink(".stdin")
        file.write(content)
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        os.dup2(file.fileno(), 0)


def load_program(job: dict[str, Any]) -> Callable[[], None]:
    """Return the function that runs the program; what it needs of this package is imported."""
    sys.argv = list(job["argv"])
    sys.dont_write_bytecode = True
    if job["entry"] == "answer":
        from workbench.box.answer_side import serve_answer

        return lambda: serve_answer(job)
    if job["entry"] == "tests":
        from workbench.box.tests_side import run_tests

        return lambda: run_tests(job)
    return lambda: _run_script(job["argv"][0])


def _run_script(path: str) -> None:
    module = type(sys)("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    SourceFileLoader("__main__", path).exec_module(module)


def _set_limits(limits: dict[str, int], *, confined: bool) -> None:
    """Set the kernel's limits of a process; a hard limit can't be raised again."""
    values = {
        resource.RLIMIT_CPU: limits["cpu_s"],
        resource.RLIMIT_AS: limits["memory_mb"] * MEGABYTE,
        resource.RLIMIT_FSIZE: limits["folder_mb"] * MEGABYTE,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if confined:  # elsewhere the user's other processes count, too
        values[resource.RLIMIT_NPROC] = limits["processes"] + 1  # the first one of the box
        values[resource.RLIMIT_MEMLOCK] = values[resource.RLIMIT_MSGQUEUE] = 0
    if sys.platform != "linux":  # macOS refuses to set it
        del values[resource.RLIMIT_AS]
    for number, value in values.items():
        hard = resource.getrlimit(number)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # A process may handle the signal of the first limit, not that of the second.
        last = most + 1 if number == resource.RLIMIT_CPU and most == value else most
        resource.setrlimit(number, (most, last))
