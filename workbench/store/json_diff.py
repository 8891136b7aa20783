"""Differences between two JSON values, by path.

>>> [str(change) for change in differences({"temperature": 0}, {"temperature": 0.7}, "body")]
['body.temperature: 0 → 0.7']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from workbench.canonical import JSON, canonical_json

MISSING = object()
COMPARED = 2_000  # characters of a difference from which the similarity of the rest is estimated
SHORT = 32  # characters; shorter texts are shown in full
CONTEXT = 12  # characters shown before a difference; twice as many after it


@dataclass(frozen=True)
class JsonDifference:
    """A path at which two values differ.

    Attributes:
        path: `body.messages[1].content`.
        old, new: MISSING where a side has no value.
    """

    path: str
    old: JSON
    new: JSON

    def __str__(self) -> str:
        if self.long_texts:
            start = max(0, self.position - 1 - CONTEXT)
            old, new = (_excerpt(text, start) for text in self.long_texts)
            return f"{self.path}: differs from character {self.position}: {old} → {new}"
        return f"{self.path}: {_display(self.old)} → {_display(self.new)}"

    @property
    def long_texts(self) -> tuple[str, str] | None:
        """Both values if they are texts and too long to be shown in full."""
        if not (isinstance(self.old, str) and isinstance(self.new, str)):
            return None
        is_long = any(len(text) > SHORT or " " in text for text in (self.old, self.new))
        return (self.old, self.new) if is_long else None

    @property
    def position(self) -> int:
        """The first character that differs between two long texts, from 1; otherwise 0."""
        return _prefix_length(*self.long_texts) + 1 if self.long_texts else 0

    def as_json(self) -> dict[str, JSON]:
        """The difference as a JSON object, without `old` or `new` where it is missing."""
        fields: dict[str, JSON] = {"path": self.path, "old": self.old, "new": self.new}
        if self.position:
            fields["from_character"] = self.position
        return {name: value for name, value in fields.items() if value is not MISSING}


def differences(old: JSON, new: JSON, path: str = "") -> Iterator[JsonDifference]:
    """Yield every difference; the order of keys counts where nothing else differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        changes: list[JsonDifference] = []
        for name in {**new, **old}:
            inner = f"{path}.{name}" if path else name
            changes += differences(old.get(name, MISSING), new.get(name, MISSING), inner)
        if not changes and list(old) != list(new):
            changes = [JsonDifference(f"{path} (order of keys)", list(old), list(new))]
        yield from changes
    elif isinstance(old, list) and isinstance(new, list):
        for number, (before, after) in enumerate(zip_longest(old, new, fillvalue=MISSING)):
            yield from differences(before, after, f"{path}[{number}]")
    elif MISSING in (old, new) or canonical_json(old) != canonical_json(new):
        yield JsonDifference(path, old, new)


def similarity(changes: Sequence[JsonDifference]) -> float:
    """Similarity of the long texts that differ, 0 to 1; 1 if no long texts differ."""
    pairs = [change.long_texts for change in changes if change.long_texts]
    total = sum(len(old) + len(new) for old, new in pairs)
    return 2 * sum(_common_length(old, new) for old, new in pairs) / total if total else 1.0


def shared_ends(changes: Sequence[JsonDifference]) -> int:
    """Characters in common at both ends of the long texts that differ; cheap to compute."""
    return sum(sum(_common_ends(*change.long_texts)) for change in changes if change.long_texts)


def _common_length(old: str, new: str) -> float:
    """Characters in common, in order; estimated where the texts are longer than COMPARED."""
    start, end = _common_ends(old, new)
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    matcher = SequenceMatcher(None, middle_old[:COMPARED], middle_new[:COMPARED], autojunk=False)
    return start + end + matcher.ratio() * (len(middle_old) + len(middle_new)) / 2


def _common_ends(old: str, new: str) -> tuple[int, int]:
    start = _prefix_length(old, new)
    return start, _prefix_length(old[start:][::-1], new[start:][::-1])


def _prefix_length(old: str, new: str) -> int:
    """Length of the common prefix, by bisection: slices compare faster than characters."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _excerpt(text: str, start: int) -> str:
    end = start + 3 * CONTEXT
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return f'"{before}{text[start:end]}{after}"'


def _display(value: JSON) -> str:
    if value is MISSING:
        return "nothing"
    text = value if isinstance(value, str) else canonical_json(value)
    return f"{text[: 2 * SHORT]}…" if len(text) > 2 * SHORT else text or '""'
