"""Which rows are answered together: those with a common beginning, of like length.

1,000 rows of one few-shot prompt  ->  one group that shares 276 tokens, 32 batches
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from workbench.providers.transformers.protocol import Question

# A shared beginning shorter than this costs more to hand out than to read again.
MIN_SHARED = 32
MIN_GROUP = 16
MAX_SPLITS = 12


@dataclass(frozen=True)
class BatchRow:
    """One question in tokens.

    Attributes:
        prompt: ids; for choices, as many as the prompt has in common with all of them.
        choices: the ids of each choice, as they follow `prompt`; empty for free text.
        room: the most tokens the answer may take.
    """

    question: Question
    prompt: tuple[int, ...]
    input_tokens: int
    room: int
    choices: tuple[tuple[int, ...], ...] = ()

    @property
    def length(self) -> int:
        """Tokens in memory when the answer is as long as it may be."""
        return len(self.prompt) + self.room


@dataclass(frozen=True)
class Batch:
    """Rows answered together; the first `shared` tokens of their prompts are the same."""

    rows: tuple[BatchRow, ...]
    shared: int

    def halves(self) -> tuple["Batch", "Batch"]:
        """The batch in two, for when it didn't fit into memory."""
        middle = len(self.rows) // 2
        return Batch(self.rows[:middle], self.shared), Batch(self.rows[middle:], self.shared)

    def singles(self) -> Iterator["Batch"]:
        """Each row alone, for when something went wrong with one of them."""
        return (Batch((row,), shared=0) for row in self.rows)


def batches(rows: Sequence[BatchRow], *, batch_size: int, batch_tokens: int) -> Iterator[Batch]:
    """Every row in one batch, longest first within a group of common beginning.

    A row longer than `batch_tokens` is a batch of its own. With a `batch_size` of 1 nothing is
    shared: each row is answered as if it were the only one.
    """
    for kind in (False, True):
        alike = [row for row in rows if bool(row.choices) is kind]
        for group in _groups(alike, MAX_SPLITS) if alike else ():
            shared = _shared(group) if batch_size > 1 else 0
            waiting = sorted(group, key=lambda row: row.length, reverse=True)
            while waiting:
                fits = max(1, min(batch_size, batch_tokens // waiting[0].length))
                yield Batch(tuple(waiting[:fits]), shared)
                waiting = waiting[fits:]


def common_length(sequences: Sequence[tuple[int, ...]]) -> int:
    """How many first tokens all of the sequences share."""
    low, high = min(sequences), max(sequences)  # what these two share lies in all between them
    pairs = zip(low, high, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(low), len(high)))


def _groups(rows: list[BatchRow], splits: int) -> list[list[BatchRow]]:
    """Rows apart where each part has much more in common than the whole."""
    common = _common(rows)
    if not splits or len(rows) < 2 * MIN_GROUP:
        return [rows]
    apart: list[list[BatchRow]] = []
    rest: list[BatchRow] = []
    ordered = sorted(rows, key=lambda row: row.prompt)
    for _, found in groupby(ordered, key=lambda row: row.prompt[common : common + 1]):
        child = list(found)
        parts = _groups(child, splits - 1) if len(child) >= MIN_GROUP else []
        if any(_common(part) >= common + MIN_SHARED for part in parts):
            apart += parts
        else:
            rest += child
    return [*apart, rest] if rest else apart


def _common(rows: Sequence[BatchRow]) -> int:
    return common_length([row.prompt for row in rows])


def _shared(rows: Sequence[BatchRow]) -> int:
    """How much of the beginning is worth sharing; each row keeps a token of its own to read."""
    if len(rows) < 2:
        return 0
    shared = min(_common(rows), min(len(row.prompt) for row in rows) - 1)
    return shared if shared >= MIN_SHARED else 0
