"""In what two pieces of JSON differ, by path.

differences({"temperature": 0}, {"temperature": 0.7}, "body")
    ->  [JsonDifference("body.temperature", 0, 0.7)]
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from workbench.canonical import JSON, canonical_json

MISSING = object()
COMPARED = 2_000  # characters of what differs, for how alike it is
SHORT = 32  # characters that are shown whole
AROUND = 12  # characters shown before a difference; as many twice after it


@dataclass(frozen=True)
class JsonDifference:
    """One place.

    Attributes:
        path: `body.messages[1].content`.
        old, new: MISSING where there is nothing.
    """

    path: str
    old: JSON
    new: JSON

    def __str__(self) -> str:
        if self.position:
            start = max(0, self.position - 1 - AROUND)
            old, new = (_excerpt(text, start) for text in (self.old, self.new))
            return f"{self.path}: differs from character {self.position}: {old} → {new}"
        return f"{self.path}: {_shown(self.old)} → {_shown(self.new)}"

    @property
    def position(self) -> int:
        """The first character that differs between two longer texts, from 1; else 0."""
        texts = [value for value in (self.old, self.new) if isinstance(value, str)]
        if len(texts) < 2 or not any(len(text) > SHORT or " " in text for text in texts):
            return 0
        return _same_start(texts[0], texts[1]) + 1

    def as_json(self) -> dict[str, JSON]:
        """`old` or `new` is left out where there is nothing."""
        said: dict[str, JSON] = {"path": self.path, "old": self.old, "new": self.new}
        if self.position:
            said["from_character"] = self.position
        return {name: value for name, value in said.items() if value is not MISSING}


def differences(old: JSON, new: JSON, path: str = "") -> Iterator[JsonDifference]:
    """Every place that differs; the order of keys is a difference where nothing else is."""
    if isinstance(old, dict) and isinstance(new, dict):
        inside = [found for name in {**new, **old} for found in _at(old, new, name, path)]
        if not inside and list(old) != list(new):
            inside = [JsonDifference(f"{path} (order of keys)", list(old), list(new))]
        yield from inside
    elif isinstance(old, list) and isinstance(new, list):
        for number in range(max(len(old), len(new))):
            here = old[number] if number < len(old) else MISSING
            there = new[number] if number < len(new) else MISSING
            yield from differences(here, there, f"{path}[{number}]")
    elif MISSING in (old, new) or canonical_json(old) != canonical_json(new):
        yield JsonDifference(path, old, new)


def _at(
    old: dict[str, JSON], new: dict[str, JSON], name: str, path: str
) -> Iterator[JsonDifference]:
    inner = f"{path}.{name}" if path else name
    return differences(old.get(name, MISSING), new.get(name, MISSING), inner)


def likeness(found: Sequence[JsonDifference]) -> float:
    """How alike the texts are that differ: 0 to 1; 1 where none do."""
    pairs = [
        (one.old, one.new)
        for one in found
        if isinstance(one.old, str) and isinstance(one.new, str) and one.position
    ]
    whole = sum(len(old) + len(new) for old, new in pairs)
    return 2 * sum(_common(old, new) for old, new in pairs) / whole if whole else 1.0


def shared_ends(found: Sequence[JsonDifference]) -> int:
    """Characters that the differing texts begin and end with alike; quick to tell."""
    total = 0
    for one in found:
        if isinstance(one.old, str) and isinstance(one.new, str):
            total += sum(_ends(one.old, one.new))
    return total


def _common(old: str, new: str) -> float:
    """Characters in common, in order; beyond some length estimated from the first of them."""
    start, end = _ends(old, new)
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    matcher = SequenceMatcher(None, middle_old[:COMPARED], middle_new[:COMPARED], autojunk=False)
    return start + end + matcher.ratio() * (len(middle_old) + len(middle_new)) / 2


def _ends(old: str, new: str) -> tuple[int, int]:
    start = _same_start(old, new)
    return start, _same_start(old[start:][::-1], new[start:][::-1])


def _same_start(old: str, new: str) -> int:
    """Characters that both begin with; halving, so that long texts are compared in one piece."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _excerpt(text: str, start: int) -> str:
    end = start + 3 * AROUND
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f'"{before}{text[start:end]}{after}"'


def _shown(value: JSON) -> str:
    if value is MISSING:
        return "nothing"
    text = value if isinstance(value, str) else canonical_json(value)
    if text == "":
        return '""'
    return text if len(text) <= 2 * SHORT else f"{text[: 2 * SHORT]}…"
