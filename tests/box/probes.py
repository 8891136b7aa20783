"""A program that tries to leave its box; it prints what each try came to, as JSON.

{"read /etc/shadow": "FileNotFoundError", "host process": "REACHED: 1", …}

Its argument is JSON with targets on the host: a secret file, sockets, the number of a process.
Without a box many probes would do harm: there only those of `HARMLESS` run.
"""

import ctypes
import json
import os
import resource
import socket
import sys
from collections.abc import Callable
from pathlib import Path

TARGETS = json.loads(sys.argv[1])
LIBC = ctypes.CDLL(None, use_errno=True)
# Numbers on x86-64 with arguments that do harm or nothing; on ARM64 these rows are left out.
CALLS: dict[str, tuple[int, ...]] = {
    "unshare a user namespace": (272, 0x10000000),
    "unshare mounts": (272, 0x20000),
    "clone into a user namespace": (56, 0x10000000 | 17, 0, 0, 0, 0),
    "mount": (165, 0, 0, 0, 0, 0),
    "umount2": (166, 0, 2),
    "pivot_root": (155, 0, 0),
    "chroot": (161, 0),
    "open_tree": (428, -100, 0, 1),
    "move_mount": (429, 0, 0, 0, 0, 0),
    "fsopen": (430, 0, 0),
    "setns": (308, 0, 0),
    "keyctl": (250, 0, -3, 1),
    "add_key": (248, 0, 0, 0, 0, 0),
    "request_key": (249, 0, 0, 0, 0),
    "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, 0, 0, 0),
    "userfaultfd": (323, 1),
    "io_uring_setup": (425, 8, 0),
    "reboot": (169, 0xFEE1DEAD, 672274793, 0, 0),
    "swapon": (167, 0, 0),
    "init_module": (175, 0, 0, 0),
    "finit_module": (313, 0, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "acct": (163, 0),
    "settimeofday": (164, 0, 0),
    "clock_settime": (227, 0, 0),
    "sethostname": (170, 0, 0),
    "personality": (135, 0x0040000),
    "iopl": (172, 3),
    "modify_ldt": (154, 0, 0, 0),
    "quotactl": (179, 0, 0, 0, 0),
    "syslog": (103, 3, 0, 0),
    "open_by_handle_at": (304, -100, 0, 0),
    "name_to_handle_at": (303, -100, 0, 0, 0, 0),
    "fanotify_init": (300, 0, 0),
    "kcmp": (312, 1, 1, 0, 0, 0),
    "pidfd_getfd": (438, 0, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0),
    "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
    "ptrace the first process": (101, 16, 1, 0, 0),
    "memory that no limit counts": (319, 0, 0),
    "shared memory": (29, 0, 4096, 0o1600),
    "message queue": (68, 0, 0o1600),
    "call of another ABI": (0x40000000 | 39,),
    "set user 0": (105, 0),
    "set group 0": (106, 0),
}


def call(*arguments: int) -> str:
    """Make a system call; it raises OSError if the kernel refuses."""
    texts = [ctypes.c_long(argument) for argument in arguments]
    result = LIBC.syscall(*texts)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return str(result)


def read(path: str) -> str:
    file = Path(path)
    return str(list(file.iterdir())) if file.is_dir() else str(file.read_bytes()[:80])


def write(path: str) -> str:
    with Path(path).open("wb") as file:
        file.write(b"x")
    return path


def run(*command: str) -> str:
    if Path(command[0]).exists():
        os.execv(command[0], command) if not os.fork() else None
        return str(os.wait())
    raise FileNotFoundError(command[0])


def run_written() -> str:
    Path("copy").write_bytes(Path(sys.executable).read_bytes())
    os.chmod("copy", 0o700)  # noqa: PTH101
    child = os.fork()
    if not child:
        try:
            os.execv("./copy", ["copy", "-c", ""])
        except OSError:
            os._exit(77)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 77:
        raise PermissionError("execv")
    return str(status)


def connect(family: int, kind: int, address: object) -> str:
    with socket.socket(family, kind) as client:
        client.settimeout(1)
        client.connect(address)
        client.send(b"hello")
        return str(address)


def symlink() -> str:
    os.symlink(TARGETS["secret"], "symlink")  # noqa: PTH211
    return read("symlink")


def hard_link() -> str:
    os.link("/etc/ld.so.cache", "hard_link")
    return "hard_link"


def device() -> str:
    os.mknod("device", 0o600 | 0o060000, os.makedev(254, 0))
    return read("device")


def parent_folders() -> str:
    os.chdir("../../../../../..")
    return read(TARGETS["secret"].lstrip("/"))


def inherited_files() -> str:
    descriptors = []
    for number in range(3, 4096):
        try:
            os.fstat(number)
            descriptors.append(number)
        except OSError:
            continue
    if not descriptors:
        raise FileNotFoundError("descriptors")
    return str(descriptors)


def raise_limits() -> str:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return "unlimited"


def environment() -> str:
    if os.environ:
        return str(dict(os.environ))
    raise KeyError("environ")


def capabilities() -> str:
    buffer = (ctypes.c_uint32 * 6)()
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    LIBC.capget(header, buffer)
    if any(buffer):
        return str(list(buffer))
    raise PermissionError("capget")


def gain_capabilities() -> str:
    every = (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)
    if LIBC.capset((ctypes.c_uint32 * 2)(0x20080522, 0), every):
        raise OSError(ctypes.get_errno(), "capset")
    return "all"


def other_processes() -> str:
    shown = [number for number in range(3, 400) if number != os.getpid() and is_alive(number)]
    if shown:
        return str(shown)
    raise ProcessLookupError


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def host_process() -> str:
    os.kill(TARGETS["pid"], 0)
    return str(TARGETS["pid"])


def end_of_first_process() -> str:
    os.kill(1, 9)
    os.kill(1, 15)
    raise PermissionError("it goes on")


def terminal() -> str:
    return str(os.open("/dev/tty", os.O_RDWR))


def name_server() -> str:
    return str(socket.getaddrinfo("example.com", 80))


def installed_packages() -> str:
    folder = Path(os.__file__).parent / "site-packages"
    if folder.is_dir() and (names := list(folder.iterdir())):
        return str(names)
    raise FileNotFoundError(folder)


STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
LIBRARY = str(Path(os.__file__).parent)
PROBES: dict[str, Callable[[], str]] = {
    **{
        f"read {path}": lambda path=path: read(path)  # type: ignore[misc]
        for path in (
            *("/home", "/etc/passwd", "/etc/shadow", "/etc/hosts", "/proc", "/proc/1/environ"),
            *("/proc/self/root", "/proc/sys/kernel/core_pattern", "/sys", "/sys/fs/cgroup", "/run"),
            *("/var", "/work", "/bin/sh", "/usr/sbin", "/dev/mem", "/dev/kmsg", "/dev/shm", "/new"),
            *("/old", "/boot", "/mnt", "/dev/vda", "/dev/pts", "/root/.ssh", "/root/.bash_history"),
        )
    },
    **{
        f"write {path}": lambda path=path: write(path)  # type: ignore[misc]
        for path in (
            *("/x", "/usr/x", "/etc/x", "/etc/ld.so.cache", "/dev/x", "/box/x", "/box/box/x.py"),
            *(f"{LIBRARY}/os.py", f"{LIBRARY}/x.py", "/tmp/../x", "/lib/x"),
        )
    },
    "read the secret": lambda: read(TARGETS["secret"]),
    "read the project's store": lambda: read(TARGETS["folder"]),
    "secret through a symbolic link": symlink,
    "hard link out of the folder": hard_link,
    "device file": device,
    "secret above the root": parent_folders,
    "inherited files": inherited_files,
    "installed packages": installed_packages,
    "run a shell": lambda: run("/bin/sh", "-c", "true"),
    "run a written program": run_written,
    "TCP to the host": lambda: connect(socket.AF_INET, STREAM, ("127.0.0.1", TARGETS["tcp"])),
    "UDP to the host": lambda: connect(socket.AF_INET, DATAGRAM, ("127.0.0.1", TARGETS["udp"])),
    "TCP over IPv6": lambda: connect(socket.AF_INET6, STREAM, ("::1", TARGETS["tcp"])),
    "metadata address": lambda: connect(socket.AF_INET, STREAM, ("169.254.169.254", 80)),
    "UNIX socket of the host": lambda: connect(socket.AF_UNIX, STREAM, TARGETS["unix"]),
    "abstract socket of the host": lambda: connect(
        socket.AF_UNIX, STREAM, "\0" + TARGETS["abstract"]
    ),
    "netlink": lambda: str(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)),
    "packets": lambda: str(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)),
    "raw IP": lambda: str(socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "hypervisor socket": lambda: connect(40, STREAM, (2, 1024)),
    "kernel cryptography": lambda: str(socket.socket(38, socket.SOCK_SEQPACKET, 0)),
    "name server": name_server,
    "raise limits": raise_limits,
    "environment": environment,
    "stdin": lambda: sys.stdin.read() or str(1 / 0),
    "capabilities": capabilities,
    "gain capabilities": gain_capabilities,
    "user 0": lambda: str(os.setuid(0)),
    "groups": lambda: str(os.setgroups([0])),
    "lower nice value": lambda: str(os.nice(-5)),
    "other processes": other_processes,
    "host process": host_process,
    "end of the first process": end_of_first_process,
    "terminal": terminal,
    **(
        {name: lambda numbers=numbers: call(*numbers) for name, numbers in CALLS.items()}  # type: ignore[misc]
        if os.uname().machine == "x86_64"
        else {}
    ),
}


def outcome(probe: Callable[[], str]) -> str:
    try:
        return f"REACHED: {probe()}"
    except BaseException as error:
        return type(error).__name__


HARMLESS = (
    *("read the secret", "secret through a symbolic link", "secret above the root"),
    *("TCP to the host", "UDP to the host", "UNIX socket of the host", "host process"),
    *("abstract socket of the host", "read /etc/passwd", "read /proc", "run a written program"),
)


def main() -> None:
    is_boxed = Path("/box/box").is_dir() and not Path("/proc").exists()
    probes = PROBES if is_boxed else {name: PROBES[name] for name in HARMLESS}
    print(json.dumps({name: outcome(probe) for name, probe in probes.items()}))


if __name__ == "__main__":
    main()
