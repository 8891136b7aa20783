"""Records found in the bytes of a damaged store, whatever SQLite thinks of its pages.

records(read_pages(folder))    Found("0a3e…", 11, [("0a3e…", "ok", "{…}", "{…}", 1234567, …)]), …

Every record of the store holds a key: 64 hex digits, which are found in a page wherever it says
that its cells are. Before the key stands the record's header, which says how long each column is;
what doesn't fit into the page goes on in a chain of overflow pages
(https://www.sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4). Whether a record is what was
written, its checksum says: so a wrong guess does no harm, and old copies of pages may be read, too.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.store.database import NAME

MAGIC = b"SQLite format 3\0"
PAGE = 4096  # what SQLite makes, and what is believed where the file doesn't say
LOG_HEADER, FRAME_HEADER = 32, 24  # bytes
KEY = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64,}")
KEY_TYPE = 2 * 64 + 13  # a text of 64 bytes, as a header says it
LOOK_BACK = 200  # bytes before a key in which its record may begin
SHIFTED = 9  # of a longer run of digits, how many places are tried for a key
FIXED = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}  # bytes by type
Record = tuple[str | int | float | None, ...]


@dataclass(frozen=True)
class Pages:
    """The pages of a file and of its log.

    Attributes:
        images: every page that is there, also those that a later one replaces.
        views: ways in which pages stand together: what is current, then the file alone.
    """

    size: int
    images: Sequence[memoryview]
    views: Sequence[Mapping[int, memoryview]]


@dataclass(frozen=True)
class Found:
    """A record.

    Attributes:
        columns: how many it has.
        readings: as each view of the pages has it; none where its end is not there.
    """

    key: str
    columns: int
    readings: Sequence[Record]


def read_pages(folder: Path) -> Pages:
    """The pages of the store in `folder`, its log's over them."""
    file, log = (_bytes(folder / f"{NAME}{end}") for end in ("", "-wal"))
    size = page_size(file)
    frames = [
        (int.from_bytes(log[at : at + 4], "big"), log[at + FRAME_HEADER : at + FRAME_HEADER + size])
        for at in range(LOG_HEADER, len(log) - FRAME_HEADER - size + 1, FRAME_HEADER + size)
    ]
    main = {1 + at // size: file[at : at + size] for at in range(0, len(file), size)}
    newest = log[LOG_HEADER + 8 : LOG_HEADER + 16]  # the salts of this turn of the log
    current = dict(main)
    for number, (page, image) in enumerate(frames):
        at = LOG_HEADER + number * (FRAME_HEADER + size)
        if log[at + 8 : at + 16] == newest:
            current[page] = image
    images = [*main.values(), *(image for _, image in frames)]
    views = (current, main, {**main, **dict(frames)}) if frames else (main,)
    return Pages(size, images, views)


def page_size(file: memoryview) -> int:
    """What the file says, if that can be."""
    said = int.from_bytes(file[16:18], "big")
    said = 65_536 if said == 1 else said
    likely = file[:16] == MAGIC and said >= 512 and said & (said - 1) == 0
    return said if likely and len(file) % said == 0 else PAGE


def records(pages: Pages) -> Iterator[Found]:
    """Each record that holds a key; the same one as often as there are copies of its page."""
    for image in pages.images:
        for run in KEY.finditer(image):
            for at in range(run.start(), min(run.start() + SHIFTED, run.end() - 63)):
                if found := _record_with(image, at):
                    readings = [_read(pages, view, image, *found) for view in pages.views]
                    whole = [one for one in dict.fromkeys(readings) if one is not None]
                    yield Found(bytes(image[at : at + 64]).decode(), len(found[1]), whole)
                    break


def _bytes(path: Path) -> memoryview:
    try:
        return memoryview(path.read_bytes())
    except FileNotFoundError:
        return memoryview(b"")


def _record_with(image: memoryview, key: int) -> tuple[int, list[int]] | None:
    """Where the record begins that has a key at `key`, and the types of its columns."""
    for start in range(key - 2, max(key - LOOK_BACK, -1), -1):
        length = image[start]
        if 3 <= length <= key - start and (types := _types(image, start)):
            at = start + length
            for kind in types:
                if at == key and kind == KEY_TYPE:
                    return start, types
                at += _length(kind)
    return None


def _types(image: memoryview, start: int) -> list[int]:
    """The column types that a record's header names; none if there is no header here."""
    end = start + image[start]
    at, found = start + 1, []
    while at < end:
        value, at = _varint(image, at)
        if value in (10, 11):
            return []
        found.append(value)
    return found if at == end else []


def _varint(image: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for number in range(at, min(at + 8, len(image))):
        value = value << 7 | image[number] & 0x7F
        if image[number] < 0x80:
            return value, number + 1
    return 10, at + 9  # a type that there isn't


def _length(kind: int) -> int:
    return FIXED[kind] if kind in FIXED else (kind - 12) // 2


def _read(
    pages: Pages, view: Mapping[int, memoryview], image: memoryview, start: int, types: list[int]
) -> Record | None:
    """The record's columns, its overflow pages as `view` has them; None: it goes beyond them."""
    whole = image[start] + sum(map(_length, types))
    local = _local(pages.size, whole, in_table=types[0] == 0)
    parts = [bytes(image[start : start + local])]
    following = int.from_bytes(image[start + local : start + local + 4], "big")
    left = whole - local if whole <= pages.size * len(view) else 0  # a header of nonsense
    while left > 0:
        page = view.get(following)
        if page is None:
            return None
        parts.append(bytes(page[4 : 4 + min(left, pages.size - 4)]))
        left -= pages.size - 4
        following = int.from_bytes(page[:4], "big")
    content = b"".join(parts)
    return _columns(content, types) if len(content) == whole else None


def _local(size: int, whole: int, *, in_table: bool) -> int:
    """Bytes of a record that stand in its own page."""
    most = size - 35 if in_table else (size - 12) * 64 // 255 - 23
    if whole <= most:
        return whole
    least = (size - 12) * 32 // 255 - 23
    kept = least + (whole - least) % (size - 4)
    return kept if kept <= most else least


def _columns(content: bytes, types: list[int]) -> Record | None:
    at, found = content[0], list[str | int | float | None]()
    for kind in types:
        said = content[at : at + _length(kind)]
        at += len(said)
        if kind == 0:
            found.append(None)
        elif kind == 7:
            found.append(struct.unpack(">d", said)[0])
        elif kind in FIXED:
            found.append(kind - 8 if kind in (8, 9) else int.from_bytes(said, "big", signed=True))
        else:
            found.append(said.decode("utf-8", "replace"))
    return tuple(found)
