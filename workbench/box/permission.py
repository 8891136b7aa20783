"""The permission to run generated code without a box, which only a command line gives.

>>> with unsafe_execution(True):
...     is_unsafe_allowed()
True
"""

from collections.abc import Iterator
from contextlib import contextmanager

UNSAFE_FLAG = "--unsafe-exec"
_permissions: set[str] = set()  # of this process; a child gets it on its command line


@contextmanager
def unsafe_execution(allowed: bool) -> Iterator[None]:
    """Allow programs to run without a box where none can be made."""
    if allowed:
        allow_unsafe_execution()
    try:
        yield
    finally:
        if allowed:
            _permissions.discard(UNSAFE_FLAG)


def allow_unsafe_execution() -> None:
    """Allow it until this process ends."""
    _permissions.add(UNSAFE_FLAG)


def is_unsafe_allowed() -> bool:
    """True if programs may run without a box where none can be made."""
    return UNSAFE_FLAG in _permissions
