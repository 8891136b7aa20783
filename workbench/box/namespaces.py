"""A box of Linux namespaces, made by an ordinary process; it runs before the program does.

    main()      read a job from stdin, build an empty root, run the program in it, end with it

The job is that of `inside`, with `binds` (pairs of a real path and its path in the box), `covered`
(folders of these that stay empty) and `wall_s`. Root builds the box as root and then becomes an
ordinary user; anyone else needs a user namespace.
"""

from __future__ import annotations

import os
import select
import sys
import time

from workbench.box import inside, syscalls
from workbench.box.syscalls import mount

TYPE_CHECKING = False  # `typing` takes longer to import than a small program runs
if TYPE_CHECKING:
    from typing import Any

BOX_PATH = "/box"  # in a box, the folder of this package
BASE = "/tmp"  # noqa: S108  a folder that every machine has, to mount on
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
INSIDE_UID = 1000
NAMESPACES = (
    *(syscalls.NEW_MOUNTS, syscalls.NEW_PIDS, syscalls.NEW_NET),
    *(syscalls.NEW_IPC, syscalls.NEW_UTS, syscalls.NEW_CGROUP),
)
LATE_S = 3  # seconds after which a box ends by itself, should nobody end it
REAP_MS = 100
KILL = 9  # `signal` takes longer to import than a small program runs
FAILED = 125  # exit status: no box could be made
LOCKED_FLAGS = syscalls.NO_SUID | syscalls.NO_DEVICES | syscalls.NO_EXEC


def main() -> None:
    """Make the box, and end as its program does."""
    parent = os.getppid()
    syscalls.set_process_option(syscalls.PARENT_DEATH_SIGNAL, KILL)
    if os.getppid() != parent:
        os._exit(FAILED)
    job = inside.read_job()
    inside.load_program(job)  # while its files can be read
    try:
        job["uid"] = enter_namespaces()
        build_root(job)
    except OSError as error:
        sys.stderr.write(f"no box: {error}\n")
        sys.stderr.flush()
        os._exit(FAILED)
    parent_end, our_end = os.pipe()  # its other end is closed when this process ends
    child = os.fork()
    if not child:
        os.close(our_end)
        _be_first_process(job, parent_end)
    os._exit(_exit_status(child))


def enter_namespaces() -> int | None:
    """Enter new namespaces; the user that the program has to become, None: it is one already."""
    flags = sum(NAMESPACES)
    if os.geteuid() == 0:
        uid = inside.unused_uid()
        try:
            syscalls.unshare(flags)
            return uid
        except PermissionError:  # root of a container
            inside.change_user(uid)
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(flags | syscalls.NEW_USER)
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{INSIDE_UID} {uid} 1"),
        ("gid_map", f"{INSIDE_UID} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)
    return None


def build_root(job: dict[str, Any]) -> None:
    """Make a root of the job's paths, read-only but for its folder, and move into it."""
    mount("", "/", "", syscalls.RECURSIVE | syscalls.PRIVATE)
    mount("tmpfs", BASE, "tmpfs", syscalls.NO_SUID | syscalls.NO_DEVICES, "size=1m,mode=755")
    os.chdir(BASE)
    os.mkdir("new")
    os.mkdir("old")
    syscalls.pivot_root(".", "old")
    os.chdir("/")
    mount("/new", "/new", "", syscalls.BIND | syscalls.RECURSIVE)
    for source, target in job["binds"]:
        _bind(f"/old{source}", f"/new{target}")
    for path in job["covered"]:
        options = "size=4k,nr_inodes=1,mode=555"
        mount("tmpfs", f"/new{path}", "tmpfs", syscalls.READ_ONLY, options)
    for device in DEVICES:
        _create(f"/new{device}", is_folder=False)
        mount(f"/old{device}", f"/new{device}", "", syscalls.BIND)
    os.makedirs(f"/new{inside.FOLDER}", exist_ok=True)
    inside.mount_folder(job["limits"], inside.FOLDER, "/new")
    syscalls.unmount("/old")
    flags = syscalls.BIND | syscalls.REMOUNT | syscalls.READ_ONLY
    mount("", "/new", "", flags | syscalls.NO_SUID | syscalls.NO_DEVICES)
    os.chdir("/new")
    syscalls.pivot_root(".", ".")
    syscalls.unmount(".")
    os.chdir("/")


def _bind(source: str, target: str) -> None:
    """Show a file or folder, read-only."""
    _create(target, is_folder=os.path.isdir(source))
    mount(source, target, "", syscalls.BIND | syscalls.RECURSIVE)
    # Flags of the source can't be taken away by another user.
    flags = os.statvfs(target).f_flag & LOCKED_FLAGS | syscalls.NO_SUID | syscalls.NO_DEVICES
    mount("", target, "", flags | syscalls.BIND | syscalls.REMOUNT | syscalls.READ_ONLY)


def _create(path: str, *, is_folder: bool) -> None:
    """Create an empty file or folder to mount on."""
    if is_folder:
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


def _be_first_process(job: dict[str, Any], parent_end: int) -> None:
    """Start the program, and end with it or with the parent; the kernel then ends all others."""
    deadline = time.monotonic() + job["limits"]["wall_s"] + LATE_S
    program = os.fork()
    if not program:
        os.setsid()
        inside.main(job)
        return_from_program()
    if job["uid"] is not None:
        inside.change_user(job["uid"])
    syscalls.set_process_option(syscalls.DUMPABLE, 0)
    syscalls.drop_capabilities()
    syscalls.set_process_option(syscalls.NO_NEW_PRIVILEGES, 1)
    end = select.poll()
    end.register(os.pidfd_open(program), select.POLLIN)
    end.register(parent_end, 0)
    while not (events := end.poll(REAP_MS)):
        _reap_orphans(program)
        if time.monotonic() > deadline:
            os._exit(FAILED)
    is_parent_gone = any(descriptor == parent_end for descriptor, _ in events)
    os._exit(FAILED if is_parent_gone else _exit_status(program))


def _reap_orphans(program: int) -> None:
    """Let go of ended processes that the program's processes have left behind."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while (ended := os.waitid(os.P_ALL, 0, options)) and ended.si_pid != program:
        os.waitpid(ended.si_pid, 0)


def return_from_program() -> None:
    """End the program's process as Python does after its last line."""
    sys.exit(0)


def _exit_status(child: int) -> int:
    """The exit status of a process, 128 and more for a signal, as shells and bubblewrap have it."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code
