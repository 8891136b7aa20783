r"""Numbered records in append-only files, read while they grow and after a kill.

    00000000000000000001.log        its name is the number of its first record
        1 9ae5f9d3 {"kind": "call", …}\n
        2 41b0c27a {"kind": "feedback", …}\n

A record is a line, written at once: its number, a checksum, its JSON. A kill may leave a part of
the last line, which is skipped; so is a line whose checksum is wrong. Nothing is synced to the
disk: records survive the end of every process, and not a loss of power. A restart begins a file.
"""

import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SEGMENT_NAME = re.compile(r"(\d{20})\.log")
LINE = re.compile(rb"(\d{1,20}) ([0-9a-f]{8}) (.*)", re.DOTALL)
NO_LINKS = os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two records.

    Attributes:
        segment: number of the segment's first record.
        offset: bytes from the segment's beginning.
        number: of the last record before it; 0: there is none.
    """

    segment: int = 0
    offset: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as read; `end`: the position behind it."""

    payload: bytes
    end: Position


class SegmentWriter:
    """Appends records; its owner has the folder's lock.

    Args:
        folder: exists.
        segment_size: bytes after which a new segment begins.
        sent: the reader's position, so that no number is used twice.
    """

    def __init__(self, folder: Path, segment_size: int, sent: Position) -> None:
        self._folder = folder
        self._segment_size = segment_size
        self._descriptor = -1
        self._size = 0
        self.last_number = max(sent.number, last_number(folder))

    def append(self, payload: bytes) -> int:
        """Write one record; return the bytes that it takes.

        Raises:
            OSError: it isn't written: the disk is full or can't be written to.
        """
        overhead = len(b"%d %08x \n" % (self.last_number + 1, 0))
        if self._descriptor < 0 or self._size + len(payload) + overhead > self._segment_size:
            self._open()
        number = b"%d " % (self.last_number + 1)
        line = b"%s%08x %s\n" % (number, zlib.crc32(payload, zlib.crc32(number)), payload)
        try:
            if os.write(self._descriptor, line) < len(line):
                raise OSError("the disk is full")
        except OSError:
            self.close()  # a part of the line may be there: the next record goes elsewhere
            raise
        self._size += len(line)
        self.last_number += 1
        return len(line)

    def close(self) -> None:
        """Close the segment; the next record begins another."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        self.close()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | NO_LINKS
        while True:
            path = segment_path(self._folder, self.last_number + 1)
            descriptor = os.open(path, flags, 0o600)
            if not os.fstat(descriptor).st_size:
                break
            os.close(descriptor)  # a process was killed while it wrote the first record of it
            self.last_number += 1
        self._descriptor, self._size = descriptor, 0


def segments(folder: Path) -> list[int]:
    """Numbers of the first records of the segments, in order."""
    names = (SEGMENT_NAME.fullmatch(name) for name in os.listdir(folder))  # noqa: PTH208  faster
    return sorted(int(name[1]) for name in names if name)


def segment_path(folder: Path, segment: int) -> Path:
    """The file of a segment."""
    return folder / f"{segment:020d}.log"


def total_size(folder: Path) -> int:
    """Bytes in all segments."""
    size = 0
    for segment in segments(folder):
        try:
            size += segment_path(folder, segment).stat().st_size
        except FileNotFoundError:  # sent and deleted meanwhile
            continue
    return size


def last_number(folder: Path) -> int:
    """The number of the last record; that before the first segment if there is none; 0: nothing."""
    number = 0
    for segment in segments(folder)[::-1]:
        number = max(number, segment - 1)
        for record in read_segment(folder, Position(segment)):
            number = max(number, record.end.number)
        if number >= segment:
            break
    return number


def read_records(folder: Path, start: Position) -> Iterator[StoredRecord]:
    """Yield the complete records behind a position, as far as they are written now.

    The position may be in a segment that is gone: then the next one is read.
    """
    for segment in (number for number in segments(folder) if number >= start.segment):
        position = start if segment == start.segment else Position(segment, 0, segment - 1)
        yield from read_segment(folder, position)


def read_segment(folder: Path, start: Position) -> Iterator[StoredRecord]:
    """Yield the complete records of one segment behind a position."""
    try:
        descriptor = os.open(segment_path(folder, start.segment), os.O_RDONLY | NO_LINKS)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as file:
        file.seek(start.offset)
        lines = file.read().split(b"\n")
    offset, number = start.offset, start.number
    for line in lines[:-1]:  # behind the last line end there is nothing, or a part of a record
        offset += len(line) + 1
        if (record := _parse_line(line)) and record[0] > number:
            number, payload = record
            yield StoredRecord(payload, Position(start.segment, offset, number))


def _parse_line(line: bytes) -> tuple[int, bytes] | None:
    """Number and payload of a line; None if it isn't as it was written."""
    if not (match := LINE.fullmatch(line)):
        return None
    number, checksum, payload = match.groups()
    is_intact = zlib.crc32(payload, zlib.crc32(number + b" ")) == int(checksum, 16)
    return (int(number), payload) if is_intact else None
