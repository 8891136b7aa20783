"""One metric of one variant: its scores by row, and the numbers that every command shows of it.

    MetricScores(values={0: [1.0], 1: [0.0]}, lost={2: 1}, unreached={}, not_applicable=frozenset())
    measure(scores, scale)      as answered 0.500 of 2 rows; at worst 0.333 of 3 rows

Leaderboard, JSON, MLflow, page, comparisons, gates and decisions take a metric's mean, interval and
rows from here. A row counts once however often it is repeated; its value is the mean of its
repeats. Rows without a score make two numbers: as answered, and with the worst score of the scale
for each answer that failed. A metric without a range has no worst score, so it has no second one.
"""

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

from workbench.evaluator import Traits
from workbench.stats.means import Estimate, estimate_mean
from workbench.stats.quantiles import Quantile
from workbench.stats.repeats import pass_all, pass_at
from workbench.stats.sample import Clusters, RowValues, Scale

SMALL = 0.0005  # a number that three decimals would show as 0


@dataclass(frozen=True)
class MetricScores:
    """One evaluator's scores of a variant's rows; rows are numbers in the dataset's order.

    Attributes:
        values: of each row with a score: one per answer that has one.
        lost: of each row: answers that failed, or on which the evaluator failed.
        unreached: of each row: answers that got no reply.
        not_applicable: rows without a value or an evaluator error, to an answer of which the
            evaluator does not apply; none of their answers is lost.
        clusters: of each row of the dataset; None: every row is independent.
    """

    values: RowValues
    lost: Mapping[int, int] = field(default_factory=dict)
    unreached: Mapping[int, int] = field(default_factory=dict)
    not_applicable: Set[int] = frozenset()
    clusters: Clusters | None = None

    def restrict(self, rows: Set[int]) -> "MetricScores":
        """Return the scores of these rows only."""
        ordered = sorted(rows)
        return replace(
            self,
            values={row: self.values[row] for row in ordered if row in self.values},
            lost={row: self.lost[row] for row in ordered if row in self.lost},
            unreached={row: self.unreached[row] for row in ordered if row in self.unreached},
            not_applicable=self.not_applicable & rows,
        )

    def without_unreached(self) -> "MetricScores":
        """Return the scores without the answers that got no reply."""
        lost = {row: count - self.unreached.get(row, 0) for row, count in self.lost.items()}
        return replace(self, lost={row: n for row, n in lost.items() if n}, unreached={})

    def imputed(self, scale: Scale) -> RowValues | None:
        """Return the values with the worst score for each lost answer.

        None: an answer is lost, and the scale has no worst score.
        """
        if not self.lost:
            return self.values
        worst = scale.worst
        if worst is None:
            return None
        lost = {
            row: [*self.values.get(row, ()), *[worst] * count] for row, count in self.lost.items()
        }
        return {**self.values, **lost}


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric's number in one way of counting the rows without a score.

    Attributes:
        mean: over rows.
        low, high: 95% confidence interval; None for too few rows, and where `tail_unknown`.
        n: rows with a value.
        clusters: groups of rows that depend on each other; `n` if none do.
        tail_unknown, median: as in `Estimate`.
        pass_at, pass_all: for pass/fail with repeats, by k: probability that at least one of k
            repeats passes (pass@k), and that all do (pass^k).
        pass_rows: rows that these are over, by k: those with k answers.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    clusters: int
    tail_unknown: bool = False
    median: Quantile | None = None
    pass_at: Mapping[int, float] = field(default_factory=dict)
    pass_all: Mapping[int, float] = field(default_factory=dict)
    pass_rows: Mapping[int, int] = field(default_factory=dict)


def metric_scale(traits: Traits, kinds: Iterable[str]) -> Scale:
    """Return the scale of a metric, the same for all variants of a plan.

    `kinds` are those of the variants with values: `pass`, `number` or `category`.
    """
    observed = set(kinds)
    passes = observed == {"pass"} if observed else traits.kind == "pass"
    low, high = traits.range or (None, None)
    return Scale(passes, low, high, traits.higher_is_better, of_rows=not traits.by_column)


def measure(
    values: RowValues, scale: Scale, clusters: Clusters | None = None, *, repeats: int = 1
) -> Measure | None:
    """Return a metric's number over the rows with values; None without any."""
    estimate: Estimate | None = estimate_mean(values, scale, clusters)
    if estimate is None:
        return None
    attempts = []
    if scale.pass_fail and repeats > 1:
        attempts = [(round(sum(row)), len(row)) for row in values.values() if row]
    return Measure(
        mean=estimate.mean,
        low=estimate.low,
        high=estimate.high,
        n=estimate.rows,
        clusters=estimate.clusters,
        tail_unknown=estimate.tail_unknown,
        median=estimate.median,
        pass_at=pass_at(attempts, repeats),
        pass_all=pass_all(attempts, repeats),
        pass_rows={
            k: sum(tries >= k for _, tries in attempts) for k in range(1, repeats + 1) if attempts
        },
    )


class MeanInterval(Protocol):
    """The interval of a mean; if it has none below 350 rows, the median with its own."""

    @property
    def low(self) -> float | None:
        """The lower end; None: there is none."""

    @property
    def high(self) -> float | None:
        """The upper end; None: there is none."""

    @property
    def median(self) -> Quantile | None:
        """The median; None: the metric has a range, or the rows are enough."""


def shown_ends(interval: MeanInterval) -> tuple[float, float] | None:
    """Return the ends of the mean's interval, or of the median's; None: neither has one."""
    ends = interval.median or interval
    return None if ends.low is None or ends.high is None else (ends.low, ends.high)


def number_text(value: float, sign: str = "") -> str:
    """Format with three decimals, or more for a small number, which is not shown as 0."""
    decimals = 3
    if 1e-12 < abs(value) < SMALL:
        decimals = 2 - math.floor(math.log10(abs(value)))
    return f"{value + 0.0:{sign}.{decimals}f}"


def mean_text(mean: float, interval: MeanInterval) -> str:
    """Format a mean: `0.833 [0.766, 0.884]`, or `9.300, median 8.000 [7.000, 9.500]`."""
    text, ends = number_text(mean), shown_ends(interval)
    text += f", median {number_text(interval.median.value)}" if interval.median else ""
    return text + (f" [{number_text(ends[0])}, {number_text(ends[1])}]" if ends else "")
