"""Score of a whole column of answers, by a metric that has no value of a single row.

    ColumnScore(value=0.671, low=0.551, high=0.788, resamples=1000, unread={17: "not a number"})

The store keeps it as one score, whose reason is the interval as JSON:

    {"high": 0.788, "low": 0.551, "resamples": 1000, "unread": [[17, "not a number"]]}
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.canonical import JSON, canonical_json
from workbench.evaluator import Score


@dataclass(frozen=True)
class ColumnScore:
    """One value of a variant's scored answers.

    Attributes:
        value: None if the metric gives none; `error` says why.
        low, high: 95% confidence interval; None if there is none.
        resamples: number that the interval is based on.
        unread: reason by position of each answer that the metric can't read.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    resamples: int = 0
    unread: Mapping[int, str] = field(default_factory=dict)
    error: str = ""

    def as_json(self) -> dict[str, JSON]:
        """Return the fields as JSON."""
        return {**vars(self), "unread": sorted(self.unread.items())}

    @classmethod
    def from_json(cls, fields: Mapping[str, JSON]) -> "ColumnScore":
        """Read the result of `as_json`."""
        return cls(**{**fields, "unread": dict(fields["unread"])})

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
