"""The variant to take: within the user's limits, not dominated, and best supported by the data.

decide(comparison, Limits("exact_match", floor=0.6, max_cost=0.5))
Ranking(metric="exact_match", candidates=[Candidate(…), …], choice="Take few_shot: …")

Failed rows count at the worst score of the metric's range, so failures cannot win.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from workbench.comparing.candidates import (
    Candidate,
    caution_text,
    choice_text,
    no_candidate_text,
)
from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.judge_corrections import is_pairwise
from workbench.comparing.metrics import MetricFamily
from workbench.errors import WorkbenchError, pluralize, unknown_name
from workbench.evaluator import Evaluator
from workbench.evaluator.row_values import first_with_row_values, require_evaluators
from workbench.plan import Plan
from workbench.results.scores import Measure
from workbench.results.types import VariantResult
from workbench.stats.best_variant import (
    estimate_after_choosing,
    may_be_best,
    median_after_choosing,
    pareto_front,
    select_best,
)
from workbench.stats.jackknife import cluster_groups
from workbench.stats.means import Estimate
from workbench.stats.pairs import paired_difference
from workbench.stats.sample import RowValues

MIN_SHARE = 0.5  # of the rows of the variant that has most, for a variant to be chosen


@dataclass(frozen=True)
class Limits:
    """Limits on a variant.

    Attributes:
        metric: of quality; empty: the first.
        floor: the least mean (the greatest, where lower is better).
        max_cost: of 1,000 rows, in the project's currency.
        max_latency_s: seconds, the mean of the answers.
    """

    metric: str = ""
    floor: float | None = None
    max_cost: float | None = None
    max_latency_s: float | None = None


@dataclass(frozen=True)
class Ranking:
    """All variants with a mean, those within the limits first, the best supported first.

    Attributes:
        after_choosing: the estimate of the variant to take that allows for the choice; None: no
            variant is within the limits.
        choice: the variant to take, in a sentence; or why none can be taken.
        caution: what to expect of it after choosing, and which others may be the best, in
            sentences; empty: nothing was chosen.
    """

    metric: str
    candidates: Sequence[Candidate]
    after_choosing: Estimate | None
    choice: str
    caution: str = ""

    @property
    def words(self) -> str:
        """The conclusion."""
        return f"{self.choice} {self.caution}".rstrip()


def decide(
    comparison: ExperimentComparison, limits: Limits, variants: Sequence[int] | None = None
) -> Ranking:
    """Decide by the stored answers, among these variants by number or (None) among all.

    Raises:
        WorkbenchError: the experiment has no such metric, it is a time, or it has no mean in any
            variant.
    """
    plan, results = comparison.plan, comparison.results
    if limits.floor is not None and not math.isfinite(limits.floor):
        raise WorkbenchError(f"the floor {limits.floor} is not a finite number", fix="--floor 0.8")
    evaluator = _find_evaluator(plan, limits.metric)
    metric = evaluator.name
    family = MetricFamily.build(evaluator, comparison.tallies, plan)
    candidates = [
        _candidate(family, number, result, replace(limits, metric=metric))
        for number, result in enumerate(results)
        if (variants is None or number in variants) and _shown_measure(result, metric)
    ]
    if not candidates:
        raise WorkbenchError(
            f"{metric} has no mean in any variant",
            where=plan.experiment.path,
            fix="workbench run first, or --metric with a metric that is a number",
        )
    most = max(c.rows for c in candidates)
    candidates = [
        replace(c, against=(*c.against, f"only {c.rows:,} of {most:,} rows"), unsure=False)
        if c.rows < MIN_SHARE * most
        else c
        for c in candidates
    ]
    candidates.sort(key=lambda c: c.quality, reverse=family.scale.higher_is_better)
    outside = [c for c in candidates if c.against]
    names = [variant.name for variant in plan.variants]
    within = [c for c in candidates if not c.against]
    if not within:
        return Ranking(metric, outside, None, no_candidate_text(names, outside))
    within, chosen = _rank(within, family, limits.floor)
    choice = choice_text(names, metric, within)
    caution = caution_text(names, within, chosen)
    return Ranking(metric, [*within, *outside], chosen, choice, caution)


def _shown_measure(result: VariantResult, name: str) -> Measure | None:
    """A metric with failed rows at the worst, or, without a range, as answered; None: no mean."""
    metric = result.metrics[name]
    if metric.worst or metric.mean is None:
        return metric.worst
    counts = metric.n, metric.clusters, metric.tail_unknown, metric.median
    return Measure(metric.mean, metric.low, metric.high, *counts)


def _find_evaluator(plan: Plan, name: str) -> Evaluator:
    """The evaluator to decide by; of an empty name the first with values of rows."""
    evaluators = {evaluator.name: evaluator for evaluator in plan.experiment.evaluators}
    where, fix = plan.experiment.path, "--metric with a metric that has a value of each row"
    require_evaluators(evaluators, "decide", where=where)
    metric = name or first_with_row_values(evaluators.values())
    if metric not in evaluators:
        raise unknown_name("metric", metric, evaluators, where=where)
    judge = plan.experiment.judges.get(metric)
    if judge and judge.doubt:
        raise WorkbenchError(f"decide can't use {metric}: {judge.doubt}", where=where, fix=fix)
    if evaluators[metric].traits.measures_time:  # equal variants differ by the server's load
        fix = "--metric with another one, and --max-latency with the most seconds of an answer"
        message = f"{metric} is a time, and decide goes by a metric of the answers"
        raise WorkbenchError(message, where=where, fix=fix)
    return evaluators[metric]


def _candidate(
    family: MetricFamily, number: int, result: VariantResult, limits: Limits
) -> Candidate:
    estimate = _shown_measure(result, limits.metric)
    assert estimate
    if corrected := family.tested_mean(number):
        interval = corrected.mean, corrected.low, corrected.high
        estimate = Measure(*interval, estimate.n, estimate.clusters)
    cost, latency = result.cost_of_1000, result.latency_s
    failed, higher = len(family.scores[number].lost), family.scale.higher_is_better
    against = []
    if result.metrics[limits.metric].worst_unknown:
        against.append(f"{pluralize(failed, 'failed row')}; {limits.metric} has no worst score")
    if limits.floor is not None and (
        estimate.mean < limits.floor if higher else estimate.mean > limits.floor
    ):
        against.append(f"{limits.metric} {'below' if higher else 'above'} {limits.floor:g}")
    for value, most, name in (
        (cost, limits.max_cost, "cost"),
        (latency, limits.max_latency_s, "latency"),
    ):
        if most is not None and (value is None or value > most):
            against.append(f"{name} not known" if value is None else f"{name} above {most:g}")
    return Candidate(
        variant=number,
        quality=estimate.mean,
        low=estimate.low,
        high=estimate.high,
        rows=estimate.n,
        clusters=estimate.clusters,
        failed_rows=failed,
        cost=cost,
        latency_s=latency,
        against=tuple(against),
        tail_unknown=estimate.tail_unknown,
        median=estimate.median,
        unsure=not against and _may_miss(estimate, limits.floor),
    )


def _may_miss(estimate: Measure | Estimate, floor: float | None) -> bool:
    """True if the data do not show on which side of the floor the mean is."""
    low, high = estimate.low, estimate.high
    if floor is None or low is None or high is None:
        return floor is not None and estimate.tail_unknown
    return low < floor < high


def _rank(
    candidates: Sequence[Candidate], family: MetricFamily, floor: float | None
) -> tuple[list[Candidate], Estimate]:
    """Compare the candidates over the same rows, and put the best supported first.

    Returns them with the estimate of the first after choosing.
    """
    scale = family.scale
    clusters: Sequence[int] = family.plan.clusters([c.variant for c in candidates])
    if family.evaluator.traits.by_column:
        clusters = cluster_groups(clusters, family.plan.rows)
    values = [_values(family, c.variant) for c in candidates]
    selection = select_best(values, scale, clusters)
    leader = candidates[selection.best].variant
    p_values = [_p_as_good(family, leader, c.variant, clusters) for c in candidates]
    plausible = may_be_best(p_values)
    best = candidates[selection.best]
    counts = best.rows, best.clusters, best.tail_unknown
    measured, contenders = Estimate(best.quality, best.low, best.high, *counts), sum(plausible)
    chosen = estimate_after_choosing(measured, selection.unseen_mean, contenders, scale)
    if chosen.tail_unknown and not family.evaluator.traits.by_column:
        median = median_after_choosing(values[selection.best], clusters, contenders, scale)
        chosen = replace(chosen, median=median)
    sign = 1 if scale.higher_is_better else -1
    # A cost or latency that is unknown of any candidate counts for none.
    costs = [
        name
        for name in ("cost", "latency_s")
        if all(getattr(c, name) is not None for c in candidates)
    ]
    points = [[sign * c.quality, *(-getattr(c, name) for name in costs)] for c in candidates]
    compared = [
        replace(candidate, on_front=on_front, support=support, as_good=as_good)
        for candidate, on_front, support, as_good in zip(
            candidates, pareto_front(points), selection.support, plausible, strict=True
        )
    ]
    best = replace(compared.pop(selection.best), unsure=_may_miss(chosen, floor))
    compared.sort(key=lambda c: -c.support)
    return [best, *compared], chosen


def _values(family: MetricFamily, number: int) -> RowValues:
    """A variant's values; a judge's are moved, so that their mean is the corrected one."""
    values, corrected = family.imputed(number) or {}, family.tested_mean(number)
    if corrected is None or not values:
        return values
    move = corrected.mean - fmean(map(fmean, values.values()))
    return {row: [value + move for value in repeats] for row, repeats in values.items()}


def _p_as_good(family: MetricFamily, best: int, other: int, clusters: Sequence[int]) -> float:
    """One-sided p-value of the hypothesis that the other one is at least as good as the best."""
    if other == best:
        return 1.0
    before, after = (family.imputed(number) or {} for number in (best, other))
    if family.tested_mean(best) and family.tested_mean(other) and not is_pairwise(family.evaluator):
        difference = family.compare(best, other, before, after, anytime=False)
    else:
        difference = paired_difference(before, after, family.scale, clusters)
    if not difference:
        return 1.0
    is_worse = (difference.mean < 0) == family.scale.higher_is_better and difference.mean != 0
    return difference.p / 2 if is_worse else 1 - difference.p / 2
