"""Landlock: rules on files and the network that a process and its children can't take back.

    restrict("/tmp")      reads everywhere, writes below /tmp, no TCP, no signal to other programs

A second layer: the box has no other files and no network to begin with. Kernels without Landlock
(before 5.13, or switched off) are used without it.
"""

import ctypes
import os

from workbench.box.syscalls import system_call

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_RULE = 1, 1
_READ = (1 << 0) | (1 << 2) | (1 << 3)  # execute, read a file, list a folder
_FILE = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14)  # rights that exist for a file
# Rights on files, by the version of Landlock that has them.
_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14}
_DEVICES = (1 << 6) | (1 << 11)  # make character and block devices: nowhere
_TCP, _SCOPES = 3, 3  # bind and connect; abstract sockets and signals


def landlock_version() -> int:
    """The version of Landlock in this kernel; 0: none."""
    try:
        return system_call("landlock", _CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)
    except OSError:
        return 0


def restrict(writable: str) -> None:
    """Allow reading everywhere and writing below `writable`, for good; needs no_new_privs."""
    version = landlock_version()
    if not version:
        return
    rights = sum(bits for since, bits in _RIGHTS.items() if since <= version)
    fields = [rights, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0]
    fields = fields[: 1 + (version >= 4) + (version >= 6)]
    attributes = (ctypes.c_uint64 * len(fields))(*fields)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    ruleset = system_call("landlock", _CREATE, attributes, size, 0)
    try:
        _allow(ruleset, "/", _READ)
        _allow(ruleset, writable, rights & ~_DEVICES)
        if os.path.exists("/dev/null"):
            _allow(ruleset, "/dev/null", rights & _FILE)
        system_call("landlock", _RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    # The kernel's struct is packed: 8 bytes of rights, 4 of the descriptor.
    rule = ctypes.create_string_buffer(
        rights.to_bytes(8, "little") + descriptor.to_bytes(4, "little"), 12
    )
    try:
        system_call("landlock", _ADD_RULE, ruleset, _PATH_RULE, rule, 0)
    finally:
        os.close(descriptor)
