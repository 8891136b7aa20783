"""The system calls that a program in a box may not make: a filter that it can't take back.

    install_filter()      mount, ptrace, bpf, …: "Operation not permitted"; sockets: UNIX only

A further layer below the empty root and the namespaces: it closes parts of the kernel that ordinary
programs don't need, and memory that no limit counts (memfd, System V). All other calls are allowed.
"""

import ctypes
import errno
import os
import struct

from workbench.box.syscalls import SECCOMP, set_process_option

# Numbers on x86-64 and on ARM64; None: the machine has no such call.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "listmount": (458, 458),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "set_mempolicy": (238, 237),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmat": (30, 196),
    "shmget": (29, 194),
    "statmount": (457, 457),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
    "vmsplice": (278, 75),
}
CLONE, CLONE3, SOCKET, IOCTL = (56, 220), (435, 435), (41, 198), (16, 29)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_NEW_NAMESPACES = 0x7E020000  # flags of clone
_OTHER_ABI = 0x40000000  # calls of x32
_TYPE_INTO_TERMINAL = 0x5412
_LOAD, _EQUAL, _ABOVE, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _MACHINE, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in the kernel's seccomp_data
_FILTER_MODE = 2


def filter_program(machine: str) -> bytes:
    """The filter for a kind of machine, in the kernel's instructions.

    Raises:
        KeyError: the machine is neither `x86_64` nor `aarch64`.
    """
    column, architecture = MACHINES[machine]
    refuse = _instruction(_RETURN, _ERROR | errno.EPERM)
    missing = _instruction(_RETURN, _ERROR | errno.ENOSYS)
    allow = _instruction(_RETURN, _ALLOW)
    program = [
        _instruction(_LOAD, _MACHINE),
        _instruction(_EQUAL, architecture, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_ABOVE, _OTHER_ABI, 0, 1),
        missing,
    ]
    for numbers in REFUSED.values():
        if (number := numbers[column]) is not None:
            program += [_instruction(_EQUAL, number, 0, 1), refuse]
    # With ENOSYS, the C library uses clone, whose flags can be read.
    program += [_instruction(_EQUAL, CLONE3[column], 0, 1), missing]
    program += [
        _instruction(_EQUAL, CLONE[column], 0, 5),
        *(_instruction(_LOAD, _FIRST), _instruction(_AND, _NEW_NAMESPACES)),
        *(_instruction(_EQUAL, 0, 1, 0), refuse, allow),
        _instruction(_EQUAL, SOCKET[column], 0, 4),
        *(_instruction(_LOAD, _FIRST), _instruction(_EQUAL, 1, 1, 0)),
        *(_instruction(_RETURN, _ERROR | errno.EAFNOSUPPORT), allow),
        _instruction(_EQUAL, IOCTL[column], 0, 4),
        *(_instruction(_LOAD, _SECOND), _instruction(_EQUAL, _TYPE_INTO_TERMINAL, 0, 1)),
        *(refuse, allow, allow),
    ]
    return b"".join(program)


def install_filter() -> None:
    """Filter the calls of this process and its children; needs no_new_privs.

    On other machines than those of `MACHINES` nothing is filtered.
    """
    machine = os.uname().machine
    if machine not in MACHINES:
        return
    instructions = filter_program(machine)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    # The kernel's struct: a number of instructions, and a pointer to them.
    program = struct.pack("HxxxxxxP", len(instructions) // 8, ctypes.addressof(buffer))
    header = ctypes.create_string_buffer(program, len(program))
    set_process_option(SECCOMP, _FILTER_MODE, ctypes.addressof(header))


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
