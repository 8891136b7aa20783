"""Faults of the environment that a command runs in: permissions, limits, the disk.

error: /home/me/project/prompts: Permission denied
  fix: chmod -R u+rwX /home/me/project/prompts, or work on a copy of the project
"""

import errno
import resource
from contextlib import suppress

from workbench.errors import FORBIDDEN, ExitCode, WorkbenchError
from workbench.report.safe_text import plain

FEWEST_FILES = 64  # a run opens its store, its pipes and its connections
ENOUGH_FILES = 1024
FIXES = {
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), f"ulimit -n {ENOUGH_FILES}"),
    **dict.fromkeys(
        FORBIDDEN,
        "chmod -R u+rwX {path}, or work on a copy of the project",
    ),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free space on the disk"),
    **dict.fromkeys((errno.EAGAIN, errno.ENOMEM), "raise the limits: ulimit -u, ulimit -v"),
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), "cd to the project's folder, which must exist"),
}
AGAIN = "then run the same command again: nothing that was answered is lost"


def environment_error(error: OSError | MemoryError) -> WorkbenchError:
    """The error of the operating system with its cure (exit code 5)."""
    number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    path = getattr(error, "filename", None)
    shown = plain(str(path)) if isinstance(path, str) else ""
    fix = FIXES.get(number or 0, "WORKBENCH_DEBUG=1 shows where").format(path=shown or "the folder")
    message = getattr(error, "strerror", None) or str(error) or "out of memory"
    return WorkbenchError(
        plain(message), where=shown, fix=f"{fix}; {AGAIN}", exit_code=ExitCode.STORAGE
    )


def raise_file_limit() -> None:
    """Allow this process and those that it starts enough open files.

    Raises:
        WorkbenchError: too few are allowed, and no more can be.
    """
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit >= ENOUGH_FILES or limit == resource.RLIM_INFINITY:
        return
    infinite = most == resource.RLIM_INFINITY
    for highest in (most if infinite else max(most, ENOUGH_FILES), most):  # root may raise both
        with suppress(OSError, ValueError):
            enough = (
                ENOUGH_FILES if highest == resource.RLIM_INFINITY else min(highest, ENOUGH_FILES)
            )
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, highest))
            break
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= limit < FEWEST_FILES:
        message = f"only {limit} files may be open; a command needs {FEWEST_FILES}"
        raise WorkbenchError(message, fix=FIXES[errno.EMFILE])
