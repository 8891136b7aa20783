"""What a tracking store holds of one row's trace, however it was read.

StoredTrace("9f86d081884c7d65", {"1f2e…", "77ab…"}, "9f86d081884c7d65", {"a-31…": "exact_match", …})
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol, TypeVar

from workbench.tracking.row_trace import RowTrace

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """One trace as it stands there.

    Attributes:
        content: what its tag says of its content; empty where it has none.
        spans: their ids.
        said: what the span of the row says of its content; empty where there is none.
        assessments: the names by id; somebody else's, too.
    """

    content: str
    spans: Set[str]
    said: str
    assessments: Mapping[str, str]

    def is_whole(self, made: RowTrace) -> bool:
        """Whether nothing of the row has to be written again."""
        return (
            self.content == self.said == made.content
            and self.spans >= set(made.span_ids)
            and self.assessments.keys() >= made.scores | made.expectations
        )

    def strays(self, made: RowTrace) -> Set[str]:
        """The ids of scores that workbench wrote and that the row has no more."""
        own = {key for key, name in self.assessments.items() if made.is_own(key, name)}
        return own - made.scores - made.expectations


class TraceWriter(Protocol):
    """A way to write traces and to read them back: `bulk` or `calls`."""

    def write(self, rows: Sequence[RowTrace], there: Mapping[str, StoredTrace]) -> None:
        """Writes every row, whatever stands there in its place.

        Args:
            rows: of one run, each once.
            there: what was found of them, by trace id.
        """
        ...

    def found(self, rows: Sequence[RowTrace]) -> dict[str, StoredTrace]:
        """What stands there of these rows, by trace id."""
        ...

    def ours(self) -> set[str]:
        """The ids of all traces that workbench wrote to the run."""
        ...

    def link(self, ids: Sequence[str]) -> None:
        """Shows traces of other runs as this one's, too; each once."""
        ...

    def linked(self) -> set[str]:
        """The ids of the traces that are linked to the run."""
        ...


def slices(these: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """In their order, `size` at a time."""
    for start in range(0, len(these), size):
        yield these[start : start + size]
