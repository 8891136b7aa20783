"""The method by which this machine makes boxes: bubblewrap, own namespaces, or none.

box_method()       "bubblewrap"
require_box()      on macOS: WorkbenchError, before anything is sent
"""

import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from workbench.box.bubblewrap import bubblewrap
from workbench.box.limits import BoxLimits, BoxResult, Method
from workbench.box.permission import UNSAFE_FLAG, is_unsafe_allowed
from workbench.box.runner import Program, run_with
from workbench.errors import WorkbenchError

WITHOUT = f"or run it without a box: workbench run {UNSAFE_FLAG}"
CONTAINER_FLAGS = "--cap-add SYS_ADMIN --security-opt seccomp=unconfined"
_SWITCHES = {
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "user/max_user_namespaces": ("0", "10000"),
}
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
UNSAFE_NOTE = f"Generated code may have run without a box ({UNSAFE_FLAG})."


def box_method() -> Method:
    """The method of making boxes here; `none`: there are none, and `--unsafe-exec` allows that.

    Raises:
        WorkbenchError: no box can be made, and `--unsafe-exec` was not given.
    """
    method, reasons = _tried_methods()
    if method or is_unsafe_allowed():
        return method or "none"
    message = f"generated code can't be run safely here: {'; '.join(reasons)}"
    raise WorkbenchError(message, fix=_fix(Path("/")))


def require_box() -> None:
    """Check that generated code can run; raises WorkbenchError as `box_method` does."""
    box_method()


def execution_note(note: str) -> str:
    """A user's note on a run, with the remark that generated code may have run without a box."""
    if is_unsafe_allowed() and box_method() == "none":
        return f"{note}\n\n{UNSAFE_NOTE}" if note else UNSAFE_NOTE
    return note


def check_method(method: Method) -> None:
    """Check that boxes can still be made; raises WorkbenchError if not."""
    if error := _error_of(method):
        fix = "free memory or processes, then run the same command again"
        raise WorkbenchError(f"no box can be made any more: {error}", fix=fix)


def run_boxed(
    files: Mapping[str, bytes], argv: Sequence[str], limits: BoxLimits, stdin: bytes = b""
) -> BoxResult:
    """Run a Python program in a box of its own: a script among `files`, and its arguments.

    Raises:
        WorkbenchError: no box can be made.
    """
    return run_with(box_method(), [Program(files, argv, stdin)], limits)[0]


@lru_cache
def _tried_methods() -> tuple[Method | None, tuple[str, ...]]:
    """The first method that works, and why those before it don't."""
    if sys.platform != "linux":
        return None, (f"{sys.platform} has no namespaces",)
    reasons = []
    if bubblewrap():
        if not (error := _error_of("bubblewrap")):
            return "bubblewrap", ()
        reasons.append(f"bubblewrap: {error}")
    else:
        reasons.append("bubblewrap is not installed")
    if not (error := _error_of("namespaces")):
        return "namespaces", tuple(reasons)
    return None, (*reasons, f"namespaces: {error}")


def _error_of(method: Method) -> str:
    """Why a method doesn't work here; empty: it does."""
    program = Program({"main.py": b"print('ready')"})
    result = run_with(method, [program], BoxLimits())[0]
    if result.stdout == b"ready\n":
        return ""
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else f"exit code {result.exit_status}"


def _fix(root: Path) -> str:
    """The ways to allow boxes that fit this machine."""
    if sys.platform != "linux":
        return f"run it on Linux or in a Linux container; {WITHOUT}"
    ways = [] if bubblewrap() else ["install bubblewrap"]
    for name, (closed, opened) in _SWITCHES.items():
        file = root / "proc/sys" / name
        if file.is_file() and file.read_text().strip() == closed:
            ways.append(f"sysctl -w {name.replace('/', '.')}={opened}")
    if any((root / mark.lstrip("/")).exists() for mark in _CONTAINER_MARKS):
        ways.append(f"start the container with {CONTAINER_FLAGS}")
    return f"{' or '.join(ways or ['allow user namespaces'])}; {WITHOUT}"
