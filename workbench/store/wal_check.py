"""Whether the log beside the store's file is whole; SQLite passes over what isn't without a word.

log_damage(folder)   ->  "the log is damaged at byte 8,272", or "" where it is whole

A log that ends in the middle of a step is whole: so does the log of every process that was
killed. (The format: https://www.sqlite.org/fileformat2.html, section 4.)
"""

import struct
from pathlib import Path

from workbench.store.database import NAME

HEADER, FRAME = 32, 24  # bytes
MAGIC = {0x377F0682: "<", 0x377F0683: ">"}  # and the order of bytes that checksums are made in
Sums = tuple[int, int]


def log_damage(folder: Path) -> str:
    """Where a step that was finished can't be read any more; empty where all can be."""
    try:
        log = (folder / f"{NAME}-wal").read_bytes()
    except FileNotFoundError:
        return ""
    if len(log) <= HEADER + FRAME:
        return ""
    order = MAGIC.get(_number(log, 0))
    if order is None or _sums(log[:24], (0, 0), order) != _pair(log, 24):
        return "the log is damaged at its beginning"
    size = _number(log, 8)
    sums, broken = _pair(log, 24), 0
    for at in range(HEADER, len(log) - FRAME - size + 1, FRAME + size):
        if log[at + 8 : at + 16] != log[16:24]:
            continue  # of an earlier turn, or damaged itself
        said = _pair(log, at + 16)
        if not broken:
            sums = _sums(log[at : at + 8] + log[at + FRAME : at + FRAME + size], sums, order)
            broken = at if sums != said else 0
        if broken and _number(log, at + 4):  # the last of a finished step
            return f"the log is damaged at byte {broken:,}"
    return ""


def _number(log: bytes, at: int) -> int:
    return int.from_bytes(log[at : at + 4], "big")


def _pair(log: bytes, at: int) -> Sums:
    return _number(log, at), _number(log, at + 4)


def _sums(content: bytes, before: Sums, order: str) -> Sums:
    first, second = before
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
