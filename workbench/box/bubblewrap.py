"""The command line of bubblewrap for a box.

bubblewrap_command("/usr/bin/bwrap", interpreter(), 5)      ["/usr/bin/bwrap", "--unshare-pid", …]

bubblewrap makes the namespaces and the root. It leaves the program's process capabilities for
`inside`, which mounts the writable folder with a limit on files, becomes an ordinary user, and
drops them before the program runs.
"""

import os
import shutil
from pathlib import Path

from workbench.box.inside import FOLDER
from workbench.box.interpreter import Interpreter
from workbench.box.namespaces import DEVICES, INSIDE_UID

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
COVER_SIZE = 4096
ROOT_CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID")


def bubblewrap() -> str | None:
    """The path of bubblewrap; None: it isn't installed."""
    return shutil.which("bwrap", path=SEARCH_PATH)


def bubblewrap_command(program: str, interpreter: Interpreter, status: int) -> list[str]:
    """The command that makes a box and runs the job of stdin in it.

    It writes the number of the box's first process to the descriptor `status`.
    """
    command = [program, "--die-with-parent", "--new-session", "--clearenv"]
    command += ["--json-status-fd", str(status)]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--hostname", "box", "--cap-drop", "ALL"]
    if os.geteuid() == 0:  # the program changes its user itself
        for name in ROOT_CAPABILITIES:
            command += ["--cap-add", name]
    else:
        command += ["--unshare-user", "--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID)]
        command += ["--cap-add", ROOT_CAPABILITIES[0]]
    parents = {parent for _, target in interpreter.binds for parent in Path(target).parents}
    for parent in sorted(parents):  # by itself, bubblewrap makes them for their owner only
        command += ["--dir", str(parent)]
    for source, target in interpreter.binds:
        command += ["--ro-bind", source, target]
    for path in interpreter.covered:
        command += ["--size", str(COVER_SIZE), "--tmpfs", path, "--remount-ro", path]
    for device in DEVICES:
        command += ["--dev-bind", device, device]
    command += ["--dir", FOLDER, "--remount-ro", "/", "--chdir", "/"]
    return [*command, "--", *interpreter.command("inside", inside=True)]
