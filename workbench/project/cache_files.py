"""Files of caches: for their owner only, written as a whole, and read only if nothing is damaged.

    write_cache_file(folder / "5f2c….page", body, newest=5)     the body and a checksum
    read_cache_file(folder / "5f2c….page")                      the body; None: there is none
    code_digest()                                               another one after an update

A cache can be made again. So a file that can't be written or read is no error.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import workbench
from workbench.canonical import JSON, digest

CHECKSUM_BYTES = 32
PART = ".part"  # of a file that is being written


def read_cache_file(file: Path) -> memoryview | None:
    """The body of a file; None: there is none, or it is damaged."""
    with suppress(OSError):
        content = memoryview(file.read_bytes())
        body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
        if sha256(body).digest() == checksum:
            return body
    return None


def write_cache_file(file: Path, parts: Sequence[bytes], *, newest: int) -> None:
    """Write a file, and delete all but the newest files with its suffix in its folder."""
    checksum = sha256()
    for part in parts:
        checksum.update(part)
    with suppress(OSError):
        file.parent.mkdir(mode=0o700, exist_ok=True)
        _replace(file, [*parts, checksum.digest()])
        for suffix in (file.suffix, PART):
            _delete_oldest(file.parent, suffix, newest)


def _replace(file: Path, parts: Sequence[bytes]) -> None:
    handle, name = tempfile.mkstemp(suffix=PART, dir=file.parent)  # for its owner only
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.writelines(parts)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _delete_oldest(folder: Path, suffix: str, newest: int) -> None:
    files = [file for file in folder.iterdir() if file.suffix == suffix]
    for old in sorted(files, key=lambda file: -file.stat().st_mtime_ns)[newest:]:
        old.unlink(missing_ok=True)


@cache
def code_digest() -> str:
    """Digest of Python's version, and of the sizes and times of the package's modules."""
    root = Path(workbench.__file__).parent
    files = ((file, file.stat()) for file in sorted(root.rglob("*.py")))
    stamps: JSON = [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in files]
    return digest([sys.version, stamps])
