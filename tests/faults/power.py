"""Disk states that a loss of power can leave, rebuilt from what strace saw of a process.

A write is on the disk for certain when its file was synced after it, the end of a file when its
folder was. Until then it may be there, or not, or in part; each change for itself.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CALL = re.compile(
    r'^(?P<call>pwrite64|write|fdatasync|fsync|ftruncate|unlink)\((?:\d+<(?P<file>[^>]*)>|"(?P<name>[^"]*)")'
    r'(?:, "(?P<data>(?:\\x..)*)")?(?:, (?P<numbers>[\d, ]+))?\)\s+= \d+'
)
SECTOR = 512
FOLDER = "."


@dataclass(frozen=True)
class Event:
    """One change of a file, or its sync."""

    call: str
    file: str
    data: bytes = b""
    at: int = 0


@dataclass
class Disk:
    """Files as they are for certain, and the writes since their last sync."""

    certain: dict[str, bytearray] = field(default_factory=dict)
    pending: list[Event] = field(default_factory=list)

    def feel(self, event: Event) -> None:
        if event.call not in ("fdatasync", "fsync"):
            self.pending.append(event)
            return
        ended = [one for one in self.pending if _ends(event, one)]
        self.pending = [one for one in self.pending if one not in ended]
        for change in ended:
            apply(self.certain, change)

    def states(self, chance: random.Random) -> Iterator[dict[str, bytearray]]:
        """All that is pending, nothing of it, and parts of it."""
        yield self._with(self.pending)
        yield self._with([])
        if self.pending:
            yield self._with([one for one in self.pending if chance.random() < 0.5])
            yield self._with([torn(one, chance) for one in self.pending])
            yield self._with([*self.pending[:-1], torn(self.pending[-1], chance)])
            yield self._with([zeroed(one) for one in self.pending])

    def _with(self, writes: Sequence[Event]) -> dict[str, bytearray]:
        files = {name: bytearray(content) for name, content in self.certain.items()}
        for write in writes:
            apply(files, write)
        return files


def _ends(sync: Event, change: Event) -> bool:
    """Return True if a sync makes a change durable."""
    if change.call == "unlink":
        return sync.file == FOLDER
    return sync.file == change.file


def apply(files: dict[str, bytearray], event: Event) -> None:
    if event.call == "unlink":
        files.pop(event.file, None)
        return
    content = files.setdefault(event.file, bytearray())
    if event.call == "ftruncate":
        del content[event.at :]
        content.extend(b"\0" * (event.at - len(content)))
        return
    content.extend(b"\0" * (event.at - len(content)))
    content[event.at : event.at + len(event.data)] = event.data


def torn(event: Event, chance: random.Random) -> Event:
    """A write of which only some sectors arrived."""
    kept = chance.randrange(len(event.data) // SECTOR + 1) * SECTOR
    return Event(event.call, event.file, event.data[:kept], event.at)


def zeroed(event: Event) -> Event:
    """A file that has grown, with nothing written where it has."""
    return Event(event.call, event.file, b"\0" * len(event.data), event.at)


def read_log(log: Path, folder: Path) -> list[Event]:
    """Changes of the files of a folder, in order; calls printed in two parts are joined."""
    begun: dict[str, str] = {}
    events = []
    for line in log.read_text().splitlines():
        thread, _, said = line.partition(" ")
        said = said.strip()
        if said.endswith("<unfinished ...>"):
            begun[thread] = said.removesuffix(" <unfinished ...>")
            continue
        if said.startswith("<... "):
            said = begun.pop(thread) + said.partition(" resumed>")[2]
        if found := CALL.match(said):
            events.append(found)
    return [event for one in events if (event := _event(one, folder))]


def _event(found: "re.Match[str]", folder: Path) -> Event | None:
    path = Path(_text(found["file"] or found["name"]))
    if folder not in (path, path.parent):
        return None
    name = FOLDER if path == folder else path.name
    numbers = [int(number) for number in (found["numbers"] or "").split(",") if number.strip()]
    data = _bytes(found["data"] or "")
    return Event(found["call"], name, data, numbers[-1] if numbers else 0)


def _bytes(said: str) -> bytes:
    return bytes.fromhex(said.replace("\\x", ""))


def _text(said: str) -> str:
    return _bytes(said).decode() if said.startswith("\\x") else said
