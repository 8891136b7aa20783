"""Scores that are made of other evaluators' scores.

>>> parts = (Part("a", 3.0), Part("b", 1.0))
>>> CombinedScore("weighted", parts).score({"a": Score(True), "b": Score(False)})
Score(value=0.75, reason='a 1, b 0', label='', error='', parsed='')

Some are of a row: `weighted`, `threshold`, and a slice, whose score is the other's. Those of all
rows are made of finished columns: `ratio`, `pass_at`, `pass_all`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.evaluator.score import Score

WEIGHTED, THRESHOLD, SLICE = "weighted", "threshold", "slice"
RATIO, PASS_AT, PASS_ALL = "ratio", "pass_at", "pass_all"
OF_REPEATS = (PASS_AT, PASS_ALL)
OF_COLUMNS = (RATIO, *OF_REPEATS)
COMBINED = (WEIGHTED, THRESHOLD, *OF_COLUMNS)
COST = "cost"  # a part of a ratio that is no evaluator: of the answer's tokens


@dataclass(frozen=True)
class Part:
    """An evaluator whose score counts.

    Attributes:
        low, high: the ends of its range.
    """

    name: str
    weight: float = 1.0
    low: float = 0.0
    high: float = 1.0
    higher_is_better: bool = True

    def share(self, number: float) -> float:
        """The number from 0, the worst, to 1, the best."""
        share = (number - self.low) / (self.high - self.low)
        return share if self.higher_is_better else 1 - share


@dataclass(frozen=True)
class CombinedScore:
    """Other evaluators' scores as one.

    Attributes:
        parts: with their weights; of a ratio its two terms, else, but for `weighted`, the only one.
        at_least, at_most: bounds of a threshold that pass; None: there is none.
        skips: a part that doesn't apply is left out; False: the row is.
        k: number of repeats of which one passes, or all.
    """

    kind: str
    parts: tuple[Part, ...]
    at_least: float | None = None
    at_most: float | None = None
    skips: bool = False
    k: int = 0

    def score(self, scores: Mapping[str, Score]) -> Score:
        """The score of a row; an error if a part has none, not applicable if a part isn't."""
        by_part = [(part, scores.get(part.name, NOT_SCORED)) for part in self.parts]
        if self.kind == SLICE:
            return by_part[0][1]
        numbers: list[tuple[Part, float]] = []
        for part, score in by_part:
            if score.error:
                return Score(error=f"{part.name}: {score.error}")
            if score.number is not None:
                numbers.append((part, score.number))
            elif not self.skips:
                return Score(reason=f"{part.name} does not apply")
        reason = ", ".join(f"{part.name} {number:g}" for part, number in numbers)
        if self.kind == THRESHOLD:
            return Score(self._passes(numbers[0][1]), f"{reason}, {self._bounds}")
        if outside := [part.name for part, n in numbers if not part.low <= n <= part.high]:
            return Score(error=f"{outside[0]} is outside of 0 to 1; declare its range=(low, high)")
        if not numbers:
            return Score(reason="none of its evaluators applies")
        total = sum(part.weight for part, _ in numbers)
        return Score(sum(part.weight * part.share(n) for part, n in numbers) / total, reason)

    def _passes(self, number: float) -> bool:
        above = self.at_least is None or number >= self.at_least
        return above and (self.at_most is None or number <= self.at_most)

    @property
    def _bounds(self) -> str:
        named = ("at least", self.at_least), ("at most", self.at_most)
        return " and ".join(f"{name} {bound:g}" for name, bound in named if bound is not None)


NOT_SCORED = Score(error="it was not scored")
