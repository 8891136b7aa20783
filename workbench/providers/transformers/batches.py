"""Batches of rows with a common prefix and of similar length.

1,000 rows of one few-shot prompt  ->  one group that shares 276 tokens, 32 batches
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from workbench.canonical import JSON

# A shared prefix shorter than this costs more to distribute than to read again.
MIN_SHARED = 32
MIN_GROUP = 16
MAX_SPLITS = 12


@dataclass(frozen=True)
class Question:
    """A request's body, and the beginning of its answer."""

    key: str
    body: Mapping[str, JSON]
    prefill: str = ""


@dataclass(frozen=True)
class BatchRow:
    """A question in tokens.

    Attributes:
        prompt: ids; for choices, only those that the prompt has in common with all of them.
        choices: ids of each choice, as they follow `prompt`; empty for free text.
        max_new: the most tokens of the answer.
    """

    question: Question
    prompt: tuple[int, ...]
    input_tokens: int
    max_new: int
    choices: tuple[tuple[int, ...], ...] = ()

    @property
    def length(self) -> int:
        """Tokens in memory with the longest possible answer."""
        return len(self.prompt) + self.max_new


@dataclass(frozen=True)
class Batch:
    """Rows answered together; the first `shared` tokens of their prompts are equal."""

    rows: tuple[BatchRow, ...]
    shared: int

    @property
    def max_new(self) -> int:
        """The most tokens of an answer."""
        return max(row.max_new for row in self.rows)


def batches(rows: Sequence[BatchRow], *, batch_size: int, batch_tokens: int) -> Iterator[Batch]:
    """Batches that hold every row once, longest first within a group with a common prefix.

    A row longer than `batch_tokens` is a batch of its own. With a `batch_size` of 1 nothing is
    shared: each row is answered as if it were alone.
    """
    for with_choices in (False, True):
        kind = [row for row in rows if bool(row.choices) is with_choices]
        for group in _groups(kind, MAX_SPLITS) if kind else ():
            shared = _shared_length(group) if batch_size > 1 else 0
            pending = sorted(group, key=lambda row: row.length, reverse=True)
            while pending:
                fits = max(1, min(batch_size, batch_tokens // pending[0].length))
                yield Batch(tuple(pending[:fits]), shared)
                pending = pending[fits:]


def common_length(sequences: Sequence[tuple[int, ...]]) -> int:
    """Length of the common prefix of the sequences."""
    low, high = min(sequences), max(sequences)  # a prefix of these two is one of all between them
    pairs = zip(low, high, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(low), len(high)))


def _groups(rows: list[BatchRow], splits: int) -> list[list[BatchRow]]:
    """Groups of rows that each have a much longer common prefix than all the rows."""
    common = _common(rows)
    if not splits or len(rows) < 2 * MIN_GROUP:
        return [rows]
    groups: list[list[BatchRow]] = []
    ungrouped: list[BatchRow] = []
    ordered = sorted(rows, key=lambda row: row.prompt)
    for _, same_token in groupby(ordered, key=lambda row: row.prompt[common : common + 1]):
        child = list(same_token)
        parts = _groups(child, splits - 1) if len(child) >= MIN_GROUP else []
        if any(_common(part) >= common + MIN_SHARED for part in parts):
            groups += parts
        else:
            ungrouped += child
    return [*groups, ungrouped] if ungrouped else groups


def _common(rows: Sequence[BatchRow]) -> int:
    return common_length([row.prompt for row in rows])


def _shared_length(rows: Sequence[BatchRow]) -> int:
    """Length of the prefix worth sharing; each row keeps at least one token of its own."""
    if len(rows) < 2:
        return 0
    shared = min(_common(rows), min(len(row.prompt) for row in rows) - 1)
    return shared if shared >= MIN_SHARED else 0
