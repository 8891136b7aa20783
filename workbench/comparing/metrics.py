"""Every metric of every variant beside its baseline's, on the same rows.

add_comparisons(results, tallies, plan)    the results, each with a Comparison a metric

The comparisons of one metric are a family: a verdict holds for all of them together.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Protocol

from workbench.evaluator import Evaluator
from workbench.plan import Plan
from workbench.results.metrics import Comparison, VariantResult
from workbench.stats import (
    Difference,
    Scale,
    Wanted,
    difference,
    verdicts,
    watched_difference,
)

MARGIN = 0.05  # of a metric's range; of the baseline's mean where none is known
Rows = Mapping[int, Sequence[float]]


class Values(Protocol):
    """The numbers of a variant, as a Tally has them."""

    def values(self, name: str) -> Rows:
        """Of an evaluator, by row."""

    def lost(self, name: str) -> Mapping[int, int]:
        """How many answers of each row have none."""


@dataclass(frozen=True)
class Part:
    """The values of some rows only."""

    own: Values
    rows: Set[int]

    def values(self, name: str) -> dict[int, Sequence[float]]:
        """See `Values`."""
        return {row: own for row, own in self.own.values(name).items() if row in self.rows}

    def lost(self, name: str) -> dict[int, int]:
        """See `Values`."""
        return {row: count for row, count in self.own.lost(name).items() if row in self.rows}


def filled(own: Values, name: str, worst: float) -> Rows:
    """A variant's values by row, with the worst there can be where it has none."""
    values, lost = own.values(name), own.lost(name)
    full = {row: [*values.get(row, ()), *[worst] * count] for row, count in lost.items()}
    return {**values, **full}


def add_comparisons(
    results: Sequence[VariantResult],
    own: Sequence[Values],
    plan: Plan,
    *,
    rows: int | None = None,
) -> list[VariantResult]:
    """The results with what may be said of each beside its baseline.

    Args:
        results: of each variant.
        own: the values of each.
        plan: whose variants they are; it says which is compared with which.
        rows: how many there are; None: the plan's.
    """
    found: list[dict[str, Comparison]] = [{} for _ in results]
    # Their own values decided when they stopped: their verdicts must hold at any time.
    stopped = {number for number, one in enumerate(results) if one.stopped}
    whole = plan.rows if rows is None else rows
    for evaluator in plan.experiment.evaluators:
        family = Family.of(evaluator, own, plan, results)
        if not family.categories:
            for number, comparison in family.comparisons(whole, stopped):
                found[number][evaluator.name] = comparison
    ids = [example.id for example in plan.examples]
    return [
        replace(
            one,
            comparisons=said,
            flaky={
                name: [ids[row] for row in metric.flaky] for name, metric in one.metrics.items()
            },
        )
        for one, said in zip(results, found, strict=True)
    ]


@dataclass(frozen=True)
class Family:
    """One metric of all variants.

    Attributes:
        passes: every value is pass or fail.
        categories: some values are no numbers.
    """

    evaluator: Evaluator
    own: Sequence[Values]
    plan: Plan
    passes: bool
    categories: bool

    @classmethod
    def of(
        cls,
        evaluator: Evaluator,
        own: Sequence[Values],
        plan: Plan,
        results: Sequence[VariantResult],
    ) -> "Family":
        """The kind of its values is told from the results."""
        metrics = [one.metrics[evaluator.name] for one in results]
        kinds = {metric.kind for metric in metrics if metric.n}
        return cls(evaluator, own, plan, kinds == {"pass"}, "category" in kinds)

    @property
    def scale(self) -> Scale:
        """What its values mean."""
        traits = self.evaluator.traits
        low, high = traits.range or (None, None)
        return Scale(self.passes, low, high, traits.higher_is_better)

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest value there can be.

        Raises:
            ValueError: that is not known.
        """
        if self.passes:
            return 0.0, 1.0
        low, high = self.scale.low, self.scale.high
        if low is None or high is None:
            raise ValueError(f"{self.evaluator.name} has no range")
        return low, high

    def comparisons(
        self, rows: int, stopped: Collection[int] = ()
    ) -> Iterator[tuple[int, Comparison]]:
        """Of each of so many rows' variants that has a baseline, and rows both have a value of."""
        name, scale = self.evaluator.name, self.scale
        found: list[tuple[int, int, Difference]] = []
        for number, base in enumerate(self.plan.baselines):
            if base is not None:
                anytime_valid = base in stopped or number in stopped
                apart = self.apart(base, number, anytime_valid=anytime_valid)
                found += [(number, base, apart)] if apart else []
        margin = self.plan.experiment.margin(name)
        if margin is None and found:
            margin = MARGIN * (scale.reach or abs(found[0][2].before))
        wanted = Wanted(margin or 0.0, scale.higher_is_better)
        said = verdicts([apart for _, _, apart in found], wanted)
        for (number, base, apart), verdict in zip(found, said, strict=True):
            yield (
                number,
                Comparison(
                    baseline=self.plan.variants[base].name,
                    difference=apart,
                    verdict=verdict,
                    margin=wanted.margin,
                    left_out=rows - apart.rows,
                    worst=self.worst(base, number, anytime_valid=apart.anytime_valid),
                ),
            )

    def apart(self, base: int, number: int, *, anytime_valid: bool = False) -> Difference | None:
        """The difference on the rows that both have a value of.

        Args:
            base: the number of the one.
            number: that of the other.
            anytime_valid: the rows were looked at before; None without a range to bet on.
        """
        name = self.evaluator.name
        values = self.own[base].values(name), self.own[number].values(name)
        return self._difference(*values, anytime_valid=anytime_valid)

    def worst(self, base: int, number: int, *, anytime_valid: bool = False) -> Difference | None:
        """The difference if whoever has no value of a row had the worst; None: all have one."""
        if not any(self.own[one].lost(self.evaluator.name) for one in (base, number)):
            return None
        return self._difference(self.filled(base), self.filled(number), anytime_valid=anytime_valid)

    def _difference(self, first: Rows, second: Rows, *, anytime_valid: bool) -> Difference | None:
        if not anytime_valid:
            return difference(first, second, self.scale)
        return watched_difference(first, second, self.scale) if self.scale.reach else None

    def filled(self, number: int) -> Rows:
        """A variant's values, with the worst there can be where it has none."""
        return filled(self.own[number], self.evaluator.name, self._end())

    def held(self, base: int, number: int, *, anytime_valid: bool = False) -> Difference | None:
        """The difference as a gate sees it: the variant has the worst where it has no value.

        Rows that the baseline has no value of are left out: where both failed, or nothing could be
        judged at all, nothing is shown.
        """
        first = self.own[base].values(self.evaluator.name)
        return self._difference(first, self.filled(number), anytime_valid=anytime_valid)

    def _end(self) -> float:
        """The worst of the scale; the worst that was seen where it has no end."""
        scale = self.scale
        ends = (0.0, 1.0) if scale.passes else (scale.low, scale.high)
        end = ends[0] if scale.higher_is_better else ends[1]
        if end is not None:
            return end
        name = self.evaluator.name
        seen = [value for one in self.own for row in one.values(name).values() for value in row]
        return (min if scale.higher_is_better else max)(seen, default=0.0)
