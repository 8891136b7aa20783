"""Every metric of every variant beside its baseline's, on the same rows.

compared(results, tallies, plan)    the results, each with a Comparison a metric

The comparisons of one metric are a family: a verdict holds for all of them together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from workbench.evaluator import Evaluator
from workbench.plan import Plan
from workbench.results import Comparison, VariantResult
from workbench.stats import Difference, Scale, Wanted, difference, verdicts

MARGIN = 0.05  # of a metric's range; of the baseline's mean where none is known
Rows = Mapping[int, Sequence[float]]


class Values(Protocol):
    """The numbers of a variant, as a Tally has them."""

    def values(self, name: str) -> Rows:
        """Of an evaluator, by row."""

    def lost(self, name: str) -> Mapping[int, int]:
        """How many answers of each row have none."""


def compared(
    results: Sequence[VariantResult], own: Sequence[Values], plan: Plan, *, rows: int | None = None
) -> list[VariantResult]:
    """The results with what may be said of each beside its baseline.

    Args:
        results: of each variant.
        own: the values of each.
        plan: whose variants they are; it says which is compared with which.
        rows: how many there are; None: the plan's.
    """
    found: list[dict[str, Comparison]] = [{} for _ in results]
    whole = plan.rows if rows is None else rows
    for evaluator in plan.experiment.evaluators:
        kinds = {one.metrics[evaluator.name].kind for one in results if _has_values(one, evaluator)}
        family = _Family(evaluator, own, plan, whole, passes=kinds == {"pass"})
        if "category" not in kinds:
            for number, comparison in family.comparisons():
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


def _has_values(result: VariantResult, evaluator: Evaluator) -> bool:
    return result.metrics[evaluator.name].n > 0


@dataclass(frozen=True)
class _Family:
    """The comparisons of one metric."""

    evaluator: Evaluator
    own: Sequence[Values]
    plan: Plan
    rows: int
    passes: bool

    @property
    def scale(self) -> Scale:
        traits = self.evaluator.traits
        low, high = traits.range or (None, None)
        return Scale(self.passes, low, high, traits.higher_is_better)

    def comparisons(self) -> Iterator[tuple[int, Comparison]]:
        """Of each variant that has a baseline, and rows that both have a value of."""
        name, scale = self.evaluator.name, self.scale
        found: list[tuple[int, int, Difference]] = []
        for number, base in enumerate(self.plan.baselines):
            if base is not None:
                before, after = (self.own[one].values(name) for one in (base, number))
                apart = difference(before, after, scale)
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
                    left_out=self.rows - apart.rows,
                    worst=self._worst(base, number),
                ),
            )

    def _worst(self, base: int, number: int) -> Difference | None:
        """The difference if whoever has no value of a row had the worst; None: all have one."""
        name, scale = self.evaluator.name, self.scale
        lost = [self.own[one].lost(name) for one in (base, number)]
        if not any(lost):
            return None
        both = [self.own[one].values(name) for one in (base, number)]
        seen = [value for rows in both for row in rows.values() for value in row]
        ends = (0.0, 1.0) if scale.passes else (scale.low, scale.high)
        end = ends[0] if scale.higher_is_better else ends[1]
        if end is None:
            end = min(seen) if scale.higher_is_better else max(seen)
        before, after = (_filled(rows, own, end) for rows, own in zip(both, lost, strict=True))
        return difference(before, after, scale)


def _filled(rows: Rows, lost: Mapping[int, int], worst: float) -> Rows:
    full = {number: [*rows.get(number, ()), *[worst] * count] for number, count in lost.items()}
    return {**rows, **full}
