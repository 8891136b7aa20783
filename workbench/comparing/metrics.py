"""Each metric of each variant compared with its baseline's, on the same rows.

    add_comparisons(results, tallies, plan)
    [VariantResult(…, comparisons={}), VariantResult(…, comparisons={"exact_match": Comparison(…)})]

The comparisons of one metric are a family: a verdict holds for all of them together.
"""

from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from workbench.evaluator import Evaluator
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.results.types import Comparison, VariantResult
from workbench.stats.pairs import Difference, anytime_difference, paired_difference
from workbench.stats.sample import RowValues, Scale
from workbench.stats.verdicts import verdicts

DEFAULT_MARGIN = 0.05  # of a metric's range; of the baseline's mean where the range is unknown


@dataclass(frozen=True)
class RowSubset:
    """The scores of some rows only."""

    tally: Tally
    rows: Set[int]

    def values(self, name: str) -> dict[int, list[float]]:
        """Scores of an evaluator by row."""
        return {r: scores for r, scores in self.tally.values(name).items() if r in self.rows}

    def lost(self, name: str) -> dict[int, int]:
        """Number of each row's answers that failed or could not be scored."""
        return {r: count for r, count in self.tally.lost(name).items() if r in self.rows}


MetricValues = Tally | RowSubset


def impute_worst(source: MetricValues, name: str, worst: float) -> RowValues:
    """A variant's scores by row, with the worst score for each answer that has none."""
    values, lost = source.values(name), source.lost(name)
    imputed = {row: [*values.get(row, ()), *[worst] * count] for row, count in lost.items()}
    return {**values, **imputed}


def add_comparisons(
    results: Sequence[VariantResult],
    tallies: Sequence[MetricValues],
    plan: Plan,
    *,
    rows: int | None = None,
) -> list[VariantResult]:
    """Return the results with each variant's comparisons with its baseline in the plan.

    `rows` is the number of rows that the tallies are of; None: all of the plan.
    """
    comparisons: list[dict[str, Comparison]] = [{} for _ in results]
    total = plan.rows if rows is None else rows
    # Their own scores decided when they stopped: their verdicts must hold at any time.
    stopped = {number for number, result in enumerate(results) if result.stopped}
    for evaluator in plan.experiment.evaluators:
        family = MetricFamily.build(evaluator, tallies, plan, results)
        if not family.has_categories:
            for number, comparison in family.comparisons(total, stopped):
                comparisons[number][evaluator.name] = comparison
    ids = [example.id for example in plan.examples]
    return [
        replace(
            result,
            comparisons=by_metric,
            flaky={n: [ids[row] for row in metric.flaky] for n, metric in result.metrics.items()},
        )
        for result, by_metric in zip(results, comparisons, strict=True)
    ]


@dataclass(frozen=True)
class MetricFamily:
    """One metric of all variants.

    Attributes:
        pass_fail: every value is pass or fail.
        has_categories: some values are not numbers.
    """

    evaluator: Evaluator
    tallies: Sequence[MetricValues]
    plan: Plan
    pass_fail: bool
    has_categories: bool

    @classmethod
    def build(
        cls,
        evaluator: Evaluator,
        tallies: Sequence[MetricValues],
        plan: Plan,
        results: Sequence[VariantResult],
    ) -> "MetricFamily":
        """Infer the kind of the values from the results."""
        metrics = [result.metrics[evaluator.name] for result in results]
        kinds = {metric.kind for metric in metrics if metric.n}
        return cls(evaluator, tallies, plan, kinds == {"pass"}, "category" in kinds)

    @property
    def scale(self) -> Scale:
        """The values the metric can take."""
        low, high = self.limits or (None, None)
        return Scale(self.pass_fail, low, high, self.evaluator.traits.higher_is_better)

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the greatest value; None: unknown."""
        return (0.0, 1.0) if self.pass_fail else self.evaluator.traits.range

    def comparisons(self, rows: int, stopped: Collection[int]) -> Iterator[tuple[int, Comparison]]:
        """Yield each variant's number with its comparison, where both have values of some row.

        The variants that a race stopped are compared by anytime-valid tests.
        """
        name, scale = self.evaluator.name, self.scale
        pairs: list[tuple[int, int, Difference]] = []
        for number, base in enumerate(self.plan.baselines):
            if base is not None:
                anytime = base in stopped or number in stopped
                difference = self.difference(base, number, anytime=anytime)
                pairs += [(number, base, difference)] if difference else []
        margin = self.plan.experiment.margin(name)
        if margin is None and pairs:
            margin = DEFAULT_MARGIN * (scale.width or abs(pairs[0][2].before))
        margin = margin or 0.0
        differences = [difference for _, _, difference in pairs]
        family = verdicts(differences, margin=margin, higher_is_better=scale.higher_is_better)
        for (number, base, difference), verdict in zip(pairs, family, strict=True):
            yield (
                number,
                Comparison(
                    baseline=self.plan.variants[base].name,
                    difference=difference,
                    verdict=verdict,
                    margin=margin,
                    left_out=rows - difference.rows,
                    worst=self._worst_case(base, number, anytime=difference.anytime_valid),
                ),
            )

    def difference(self, base: int, number: int, *, anytime: bool = False) -> Difference | None:
        """The second variant's difference from the first, as of `compare`."""
        first, second = (self.tallies[n].values(self.evaluator.name) for n in (base, number))
        return self.compare(first, second, anytime=anytime)

    def _worst_case(self, base: int, number: int, *, anytime: bool) -> Difference | None:
        """The difference with the worst score where either has none; None where both have all."""
        if not any(self.tallies[n].lost(self.evaluator.name) for n in (base, number)):
            return None
        return self.compare(self.imputed(base), self.imputed(number), anytime=anytime)

    def compare(self, first: RowValues, second: RowValues, *, anytime: bool) -> Difference | None:
        """The difference on the rows that both have values of.

        None without such rows, and for an anytime-valid one of a metric without a range.
        """
        if not anytime:
            return paired_difference(first, second, self.scale)
        return anytime_difference(first, second, self.scale) if self.scale.width else None

    def imputed(self, number: int) -> RowValues:
        """A variant's scores, with the worst score of the scale for each answer that has none.

        Without an end of the scale it is the worst score of any variant.
        """
        name, scale = self.evaluator.name, self.scale
        worst = scale.low if scale.higher_is_better else scale.high
        if worst is None:
            scores = [v for t in self.tallies for row in t.values(name).values() for v in row]
            worst = (min if scale.higher_is_better else max)(scores, default=0.0)
        return impute_worst(self.tallies[number], name, worst)
