"""Score of a whole column of answers, by a metric that has no value of a single row.

    ColumnScore(0.671, 0.551, 0.788, contributions={0: 0.7, 1: 0.64}, unread={17: "not a number"})

The store keeps it as one score, whose reason has the other fields as JSON:

    {"contributions": [[0, 0.7], …], "high": 0.788, "low": 0.551, "unread": [[17, "no number"]], …}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.canonical import JSON, canonical_json
from workbench.evaluator import Score

BY_NUMBER = ("contributions", "unread")


@dataclass(frozen=True)
class ColumnScore:
    """One value of a variant's scored answers.

    Attributes:
        value: None if the metric gives none; `error` says why.
        low, high: 95% confidence interval; None if there is none.
        contributions: of each group of clusters; their mean over answers is `value`.
        unseen: variance of rows that may be missing by chance.
        reach: the value up to which the interval goes, in any case; None: as far as its rows say.
        problem: the reason why there are no contributions, so no verdict; empty: there are.
        reason: the metric's own words.
        unread: reason by position of each answer that the metric can't read.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    contributions: Mapping[int, float] = field(default_factory=dict)
    unseen: float = 0.0
    reach: float | None = None
    problem: str = ""
    reason: str = ""
    unread: Mapping[int, str] = field(default_factory=dict)
    error: str = ""

    def as_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        numbered = {name: sorted(getattr(self, name).items()) for name in BY_NUMBER}
        return {**vars(self), **numbered}

    @classmethod
    def from_json(cls, fields: Mapping[str, JSON]) -> "ColumnScore":
        """Read the result of `as_json`."""
        return cls(**{**fields, **{name: dict(fields[name]) for name in BY_NUMBER}})

    def as_score(self) -> Score:
        """Return the form in which the store keeps it."""
        details = self.as_json()
        del details["value"], details["error"]
        return Score(self.value, canonical_json(details), error=self.error)

    @classmethod
    def from_score(cls, score: Score) -> "ColumnScore":
        """Read the result of `as_score`."""
        return cls.from_json(
            {**json.loads(score.reason), "value": score.value, "error": score.error}
        )
