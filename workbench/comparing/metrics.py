"""Each metric of each variant compared with its baseline's, on the same rows.

    add_comparisons(results, tallies, plan)
    [VariantResult(comparisons={}), VariantResult(comparisons={"f1": MetricComparison(…)})]

The comparisons of one metric are a family: a verdict holds for all of them together.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from workbench.comparing.judge_corrections import (
    correct_mean,
    correct_means,
    even_scores,
    is_pairwise,
    judged_difference,
)
from workbench.comparing.times import compare_times
from workbench.evaluator import Evaluator
from workbench.plan import Plan
from workbench.results.column_score import ColumnScore
from workbench.results.scores import MetricScores
from workbench.results.tally import Tally
from workbench.results.types import MetricComparison, VariantResult
from workbench.results.variant_results import metric_scales
from workbench.stats.column_difference import column_difference
from workbench.stats.jackknife import ColumnMean, cluster_groups
from workbench.stats.judge_error import Corrected
from workbench.stats.pairs import Difference, anytime_difference, paired_difference
from workbench.stats.sample import ClusterSums, RowValues, Scale, row_means
from workbench.stats.verdicts import INCONCLUSIVE, Verdict, verdicts

ROWLESS = ("category", "column")  # kinds of metrics without a number of each row
DEFAULT_MARGIN = 0.05  # of a metric's range; of the baseline's mean where the range is unknown
OPEN_VERDICT = Verdict(INCONCLUSIVE, 1.0, 1.0, None, None)


def add_comparisons(
    results: Sequence[VariantResult],
    tallies: Sequence[Tally],
    plan: Plan,
    *,
    anytime: bool = False,
) -> list[VariantResult]:
    """Return the results with each variant's comparisons with its baseline in the plan.

    With `anytime` all verdicts and intervals of differences hold at every look at the rows; without
    it only those of the variants that a race stopped.
    """
    comparisons: list[dict[str, MetricComparison]] = [{} for _ in results]
    # Their own scores decided when they stopped: their verdicts must hold at any time.
    stopped = {number for number, result in enumerate(results) if anytime or result.stopped}
    for evaluator in plan.experiment.evaluators:
        family = MetricFamily.build(evaluator, tallies, plan)
        if family.is_comparable:
            for number, comparison in family.comparisons(plan.rows, stopped):
                comparisons[number][evaluator.name] = comparison
    ids = [example.id for example in plan.examples]
    compared = [
        replace(
            result,
            comparisons=by_metric,
            flaky={n: [ids[row] for row in metric.flaky] for n, metric in result.metrics.items()},
        )
        for result, by_metric in zip(results, comparisons, strict=True)
    ]
    return correct_means(compared, tallies, plan) if plan.experiment.judges else compared


@dataclass(frozen=True)
class ScorePair:
    """The scores of one metric by two variants, on the same rows.

    Attributes:
        difference: of values of the second from values of the first; None: there is none.
        uncovered: the rows that the evaluator is not about.
    """

    first: MetricScores
    second: MetricScores
    scale: Scale
    difference: Callable[[RowValues, RowValues], Difference | None]
    uncovered: Set[int] = frozenset()

    def compare(self, baseline: str, rows: int, margin: float | None) -> MetricComparison | None:
        """Compare the second with the first, its baseline; the verdict is still open.

        `rows` is the number of rows compared; without a margin it is the default one. None if
        there is no difference.
        """
        answered = self.difference(self.first.values, self.second.values)
        worst, unknown = None, False
        if self.first.lost or self.second.lost:
            values = self.first.imputed(self.scale), self.second.imputed(self.scale)
            unknown = values[0] is None or values[1] is None
            if values[0] is not None and values[1] is not None:
                worst = self.difference(values[0], values[1])
        difference = answered or worst
        if difference is None:
            return None
        if margin is None:
            margin = DEFAULT_MARGIN * (self.scale.width or abs(difference.before))
        not_applicable = self.first.not_applicable | self.second.not_applicable
        return MetricComparison(
            baseline=baseline,
            difference=difference,
            verdict=OPEN_VERDICT,
            margin=margin,
            left_out=rows - len(self.uncovered) - (answered.rows if answered else 0),
            not_applicable=len(not_applicable - self.uncovered),
            worst=worst,
            worst_unknown=unknown,
            imputed=answered is None,
        )


def add_verdicts(
    family: Sequence[MetricComparison], *, higher_is_better: bool
) -> list[MetricComparison]:
    """Return the comparisons with their verdicts, as answered and at worst: two families."""
    judge = partial(verdicts, higher_is_better=higher_is_better)
    answered = judge([c.difference for c in family], margins=[c.margin for c in family])
    imputed = [(c.worst, c.margin) for c in family if c.worst]
    worst = iter(judge([worst for worst, _ in imputed], margins=[margin for _, margin in imputed]))
    return [
        replace(c, verdict=verdict, worst_verdict=next(worst) if c.worst else None)
        for c, verdict in zip(family, answered, strict=True)
    ]


@dataclass(frozen=True)
class MetricFamily:
    """One metric of all variants.

    Attributes:
        scores: of each variant.
        scale: the values the metric can take, the same for all variants.
        has_row_numbers: False for categories, and for a metric with one value for all rows.
        column_scores: of each variant's rows together; None: there is none.
        uncovered: the rows that the evaluator is not about.
        sent_at: for a metric of time: of each variant, when its rows were asked for, in seconds.
    """

    evaluator: Evaluator
    plan: Plan
    scores: Sequence[MetricScores]
    scale: Scale
    has_row_numbers: bool
    sent_at: Sequence[Mapping[int, float]]
    column_scores: Sequence[ColumnScore | None]
    uncovered: Set[int] = frozenset()

    @classmethod
    def build(cls, evaluator: Evaluator, tallies: Sequence[Tally], plan: Plan) -> "MetricFamily":
        """Read the scores of every variant."""
        name, times = evaluator.name, evaluator.traits.measures_time
        return cls(
            evaluator,
            plan,
            scores=[tally.scores(name) for tally in tallies],
            scale=metric_scales([evaluator], tallies)[name],
            has_row_numbers=all(tally.kind(name) not in ROWLESS for tally in tallies),
            sent_at=[tally.sent_at() for tally in tallies] if times else (),
            column_scores=[tally.columns[name].column_score for tally in tallies],
            uncovered=_uncovered(evaluator, plan),
        )

    @property
    def is_comparable(self) -> bool:
        """True if rows have values, or contributions to the one value of all of them."""
        return self.has_row_numbers or self.evaluator.traits.by_column

    def restrict(self, rows: Sequence[Set[int]]) -> "MetricFamily":
        """Return the family with these rows of each variant only."""
        pairs = zip(self.scores, rows, strict=True)
        scores = [scores.restrict(subset) for scores, subset in pairs]
        return replace(self, scores=scores, uncovered=self.uncovered & set().union(*rows))

    def comparisons(
        self, rows: int, stopped: Collection[int]
    ) -> Iterator[tuple[int, MetricComparison]]:
        """Yield each variant's number with its comparison, where both have values of some row.

        `rows` is the number of rows compared. The variants that a race stopped are compared by
        anytime-valid tests.
        """
        margin = self.plan.experiment.margin(self.evaluator.name)
        pairs: dict[int, MetricComparison] = {}
        for number, base in enumerate(self.plan.baselines):
            if base is not None:
                anytime = base in stopped or number in stopped
                difference = partial(self.compare, base, number, anytime=anytime)
                scores = self.reference(base, number), self.scores[number]
                pair = ScorePair(*scores, self.scale, difference, self.uncovered)
                if comparison := pair.compare(self.plan.variants[base].name, rows, margin):
                    pairs[number] = comparison
        family = list(pairs.values())
        judged = add_verdicts(family, higher_is_better=self.scale.higher_is_better)
        yield from zip(pairs, judged, strict=True)

    def difference(self, base: int, number: int, *, anytime: bool = False) -> Difference | None:
        """The second variant's difference from the first, as of `compare`."""
        first, second = self.reference(base, number).values, self.scores[number].values
        return self.compare(base, number, first, second, anytime=anytime)

    def reference(self, base: int, number: int) -> MetricScores:
        """The scores that a variant's are compared with: its baseline's.

        Of pairs they are even, and there are none with another baseline than the judged one.
        """
        if not is_pairwise(self.evaluator):
            return self.scores[base]
        judged = self.plan.judged_baselines[number] == base
        return even_scores(self.scores[number]) if judged else MetricScores({})

    def compare(
        self, base: int, number: int, first: RowValues, second: RowValues, *, anytime: bool
    ) -> Difference | None:
        """The difference of two variants' values on the rows that both have values of.

        None without such rows, and for an anytime-valid one of a metric of time or without a range.
        """
        if self.evaluator.traits.measures_time:
            pair, values = (base, number), (first, second)
            return None if anytime else compare_times(self.plan, pair, values, self.sent_at)
        clusters = self.plan.clusters((base, number))
        if self.evaluator.traits.by_column:
            groups = cluster_groups(clusters, self.plan.rows)
            return None if anytime else column_difference(first, second, self.scale, groups)
        if anytime and self.scale.width is None:
            return None
        by_rows = anytime_difference if anytime else paired_difference
        difference = by_rows(first, second, self._scale, clusters)
        judge = self.plan.experiment.judges.get(self.evaluator.name)
        if difference is None or judge is None:
            return difference
        return judged_difference(judge, self.plan, (base, number), difference, (first, second))

    @property
    def _scale(self) -> Scale:
        """The scale of the compared values: even pairs are neither passed nor failed."""
        return replace(
            self.scale, pass_fail=self.scale.pass_fail and not is_pairwise(self.evaluator)
        )

    def tested_mean(self, number: int) -> Corrected | ColumnMean | None:
        """A variant's mean with tests of its own kind; None: it is a plain mean of values.

        It is a judge's corrected by people's labels, unless answers failed, or a value of all rows.
        """
        scores = self.scores[number]
        if self.evaluator.traits.by_column:
            rows = list(scores.values)
            sample = ClusterSums.of_rows(row_means(scores.values, rows), rows, scores.clusters)
            score = self.column_scores[number] or ColumnScore(None)
            mean = ColumnMean(sample, self.scale.limits, score.unseen, score.reach)
            return mean if sample.clusters > 1 else None
        judge = self.plan.experiment.judges.get(self.evaluator.name)
        if judge is None or scores.lost:
            return None
        return correct_mean(judge, self.plan, number, scores.values)

    def imputed(self, number: int) -> RowValues | None:
        """A variant's values with the worst score for each failed answer; None: unknown."""
        return self.scores[number].imputed(self.scale)


def _uncovered(evaluator: Evaluator, plan: Plan) -> frozenset[int]:
    """The rows that the evaluator is not about."""
    if evaluator.coverage is None:
        return frozenset()
    rows = enumerate(plan.examples)
    return frozenset(n for n, example in rows if not evaluator.covers(example.columns()))
