"""Faults of the environment that a command runs in (permissions, limits, the disk), and our own.

error: /home/me/project/prompts: Permission denied
  fix: chmod -R u+rwX /home/me/project/prompts, or work on a copy of the project
"""

import errno
import os
import resource
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from workbench.cli.output import REDACTOR
from workbench.errors import FORBIDDEN, ExitCode, WorkbenchError
from workbench.report.safe_text import escape_commands, plain
from workbench.secrets import mask_text

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


def environment_error(error: Exception) -> WorkbenchError | None:
    """The error of the operating system with its cure (exit code 5); None: a fault of our code."""
    number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    path = getattr(error, "filename", None)
    shown = plain(path) if isinstance(path, str) else ""
    is_missing = number in (errno.ENOENT, errno.ENOTDIR)
    if number not in FIXES or (is_missing and not _is_users(shown)):
        return None
    fix = FIXES[number].format(path=_closed_place(Path(shown)) if shown else "the folder")
    message = getattr(error, "strerror", None) or str(error) or "out of memory"
    return WorkbenchError(
        plain(message), where=shown, fix=f"{fix}; {AGAIN}", exit_code=ExitCode.STORAGE
    )


def _closed_place(path: Path) -> Path:
    """The path itself, or the folder in which it can't be made."""
    is_new = not os.access(path, os.F_OK) and os.access(path.parent, os.F_OK)
    is_new = is_new and path.parent != Path(path.anchor)
    return path.parent if is_new else path


def _is_users(missing: str) -> bool:
    """True if the user named a missing path, wrote what it holds, or removed the folder."""
    from workbench.project import find_root

    try:
        root = find_root(Path.cwd())
    except (OSError, WorkbenchError):
        return True
    folders = [root / "prompts", root / "evaluators", *(Path.cwd() / word for word in sys.argv[1:])]
    store = root / ".workbench"
    if missing and not store.exists():
        folders.append(store)
    return bool(missing) and any(Path(missing).is_relative_to(folder) for folder in folders)


def internal_error(error: Exception) -> str:
    """The lines about an error that only we can fix; its traceback is written to a file."""
    text = "".join(traceback.format_exception(error))
    shown = "WORKBENCH_DEBUG=1 shows the traceback"
    with suppress(OSError):
        file, path = tempfile.mkstemp(prefix="workbench-", suffix=".traceback.txt")
        with os.fdopen(file, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(mask_text(REDACTOR.redact(text)))
        shown = f"please report it with the traceback in {path}"
    return (
        f"workbench failed: {type(error).__name__}: {escape_commands(str(error))}\n"
        f"  this is a bug in workbench; {shown}\n"
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
