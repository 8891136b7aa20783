"""Agreement of a list with the expected one: precision, recall, F1, Jaccard index.

>>> overlap = compare_lists(["a", "b", "d"], ["a", "b", "c"])
>>> overlap.missing, overlap.extra, round(overlap.value("f1"), 2)
(['c'], ['d'], 0.67)
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.errors import list_first, unknown_name
from workbench.evaluator import Score

MEASURES = ("f1", "precision", "recall", "jaccard", "exact")
MOST_SHOWN = 5  # items in a reason
MOST_TEXT = 40  # characters of each


@dataclass(frozen=True)
class Overlap:
    """Items of an answer and of the expectation, each once.

    Attributes:
        matched: how many the two have in common, or in common order.
        missing, extra: items that only the expectation has, or only the answer.
    """

    matched: int
    answered: int
    expected: int
    missing: list[str]
    extra: list[str]

    def value(self, measure: str) -> float:
        """The measure, from 0 to 1; two empty lists agree."""
        if not self.answered and not self.expected:
            return 1.0
        parts = {
            "f1": (2 * self.matched, self.answered + self.expected),
            "precision": (self.matched, self.answered),
            "recall": (self.matched, self.expected),
            "jaccard": (self.matched, self.answered + self.expected - self.matched),
            "exact": (int(self.matched == self.answered == self.expected), 1),
        }
        share, total = parts[measure]
        return share / total if total else 0.0

    def score(self, measure: str) -> Score:
        """The score with what is missing and what is too much as its reason."""
        reasons = [
            f"{word}: {list_first([_cut(text) for text in texts], MOST_SHOWN)}"
            for word, texts in (("missing", self.missing), ("extra", self.extra))
            if texts
        ]
        if not reasons and self.matched < self.expected:
            reasons = ["in another order"]
        return Score(self.value(measure), "; ".join(reasons))


def compare_lists(
    answered: Sequence[str], expected: Sequence[str], *, ordered: bool = False
) -> Overlap:
    """The overlap of two lists; `ordered`: items count in the longest common order only."""
    answer, wanted = dict.fromkeys(answered), dict.fromkeys(expected)
    common = [entry for entry in answer if entry in wanted]
    positions = {entry: position for position, entry in enumerate(wanted)}
    matched = _longest_rise([positions[entry] for entry in common]) if ordered else len(common)
    missing = [entry for entry in wanted if entry not in answer]
    return Overlap(
        matched, len(answer), len(wanted), missing, [i for i in answer if i not in wanted]
    )


def check_measure(measure: str, evaluator: str) -> None:
    """Check the name of a measure; raises WorkbenchError with the known ones."""
    if measure not in MEASURES:
        raise unknown_name(f"measure of {evaluator}:", measure, MEASURES)


def _longest_rise(positions: Sequence[int]) -> int:
    """The length of the longest rising subsequence of distinct numbers (Fredman 1975)."""
    ends: list[int] = []
    for position in positions:
        place = bisect_left(ends, position)
        ends[place : place + 1] = [position]
    return len(ends)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
