"""Scores of a row that are made of other evaluators' scores.

>>> parts = (Part("a", 3.0), Part("b", 1.0))
>>> CombinedScore("weighted", parts).score({"a": Score(True), "b": Score(False)})
Score(value=0.75, reason='a 1, b 0', label='', error='', parsed='')
"""

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.evaluator.score import Score

WEIGHTED, THRESHOLD = "weighted", "threshold"
COMBINED = (WEIGHTED, THRESHOLD)


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
        parts: with their weights; of a threshold the only one.
        at_least, at_most: bounds of a threshold that pass; None: there is none.
    """

    kind: str
    parts: tuple[Part, ...]
    at_least: float | None = None
    at_most: float | None = None

    def score(self, scores: Mapping[str, Score]) -> Score:
        """The score of a row; an error if a part has none, not applicable if a part isn't."""
        numbers: list[float] = []
        for part in self.parts:
            score = scores.get(part.name, Score(error="it was not scored"))
            if score.error:
                return Score(error=f"{part.name}: {score.error}")
            if score.number is None:
                return Score(reason=f"{part.name} does not apply")
            numbers.append(score.number)
        pairs = list(zip(self.parts, numbers, strict=True))
        reason = ", ".join(f"{part.name} {number:g}" for part, number in pairs)
        if self.kind == THRESHOLD:
            return Score(self._passes(numbers[0]), f"{reason}, {self._bounds}")
        if outside := [part.name for part, n in pairs if not part.low <= n <= part.high]:
            return Score(error=f"{outside[0]} is outside of 0 to 1; declare its range=(low, high)")
        total = sum(part.weight for part in self.parts)
        return Score(sum(part.weight * part.share(n) for part, n in pairs) / total, reason)

    def _passes(self, number: float) -> bool:
        above = self.at_least is None or number >= self.at_least
        return above and (self.at_most is None or number <= self.at_most)

    @property
    def _bounds(self) -> str:
        named = ("at least", self.at_least), ("at most", self.at_most)
        return " and ".join(f"{name} {bound:g}" for name, bound in named if bound is not None)
