"""System calls of Linux that Python 3.11 has no function for.

unshare(NEW_USER | NEW_NET)
mount("tmpfs", "/tmp", "tmpfs", NO_SUID | NO_DEVICES, "size=64m,nr_inodes=1000")
"""

import ctypes
import os

NEW_MOUNTS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEW_USER, NEW_PIDS, NEW_NET = 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18
DETACH = 2
PARENT_DEATH_SIGNAL, DUMPABLE, SECCOMP, NO_NEW_PRIVILEGES = 1, 4, 22, 38
CAPABILITY_VERSION = 0x20080522
# The numbers are those of both machines unless they differ.
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, name: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def system_call(name: str, number: int, *arguments: object) -> int:
    """Make a system call by its number; `name` is for the error."""
    return _check(_libc.syscall(ctypes.c_long(number), *arguments), name)


def unshare(flags: int) -> None:
    """Move this process into new namespaces; its next child begins the one of processes."""
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Mount a file system, or change how it is mounted."""
    texts = [text.encode() or None for text in (source, target, kind)]
    result = _libc.mount(*texts, ctypes.c_ulong(flags), options.encode() or None)
    _check(result, f"mount {target}")


def unmount(target: str) -> None:
    """Detach a mount with all below it."""
    _check(_libc.umount2(target.encode(), DETACH), f"umount {target}")


def pivot_root(new_root: str, old_root: str) -> None:
    """Make a mount the root, and move the old root below it."""
    number = PIVOT_ROOT[os.uname().machine]
    system_call("pivot_root", number, new_root.encode(), old_root.encode())


def set_process_option(option: int, value: int, pointer: object = 0) -> None:
    """Call prctl."""
    last = ctypes.c_ulong(pointer) if isinstance(pointer, int) else pointer
    result = _libc.prctl(option, ctypes.c_ulong(value), last, ctypes.c_ulong(0), ctypes.c_ulong(0))
    _check(result, "prctl")


def drop_capabilities() -> None:
    """Give up every capability of this thread."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    empty = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(header, empty), "capset")
