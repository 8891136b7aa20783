"""The variant to take: within the user's limits, not dominated, and best supported by the data.

decide(comparison, Limits("exact_match", floor=0.6, max_cost=0.5))
Decision(metric="exact_match", candidates=[Candidate(…), …], words="Take few_shot: …")

Failed rows count at the worst score of the metric's range, so failures cannot win.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.metrics import MetricFamily
from workbench.errors import WorkbenchError, pluralize, unknown_name
from workbench.evaluator import Evaluator
from workbench.evaluator.row_values import first_with_row_values, require_row_values
from workbench.plan import Plan
from workbench.results.scores import Measure
from workbench.results.types import VariantResult
from workbench.stats.choice import (
    estimate_after_choosing,
    may_be_best,
    pareto_front,
    select_best,
)
from workbench.stats.means import Estimate
from workbench.stats.pairs import paired_difference
from workbench.stats.sample import RowValues

MAX_LISTED = 5  # variants in a list of the conclusion
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
class Candidate:
    """A variant with its quality, cost and latency.

    Attributes:
        quality, low, high: the mean and its interval, failed rows at the worst of the range.
        rows, clusters: number of rows of that mean, and of groups that depend on each other.
        failed_rows: rows with an answer that failed or could not be scored.
        cost: of 1,000 rows; None: unknown.
        latency_s: seconds, the mean of the answers; None: no answer was timed.
        against: reasons in words for not taking it, such as the limits that it exceeds.
        tail_unknown: as in `Estimate`.
        unsure: the floor is within the interval; of the one to take, the interval after choosing.
        on_front: of the variants within the limits none is as good in all and better in one.
        support: of the data for it as the best of the variants within the limits, 0 to 1; all of
            them add up to 1. No probability of being right.
        as_good: it may be the best: the tests do not exclude it.
    """

    variant: int
    quality: float
    low: float | None
    high: float | None
    rows: int
    clusters: int
    failed_rows: int
    cost: float | None
    latency_s: float | None
    against: tuple[str, ...] = ()
    tail_unknown: bool = False
    unsure: bool = False
    on_front: bool = False
    support: float = 0.0
    as_good: bool = False


@dataclass(frozen=True)
class Decision:
    """All variants with a mean, those within the limits first, the best supported first.

    Attributes:
        after_choosing: the estimate of the variant to take that allows for the choice; None: no
            variant is within the limits.
        words: the conclusion.
    """

    metric: str
    candidates: Sequence[Candidate]
    after_choosing: Estimate | None
    words: str


def decide(comparison: ExperimentComparison, limits: Limits) -> Decision:
    """Decide by the stored answers.

    Raises:
        WorkbenchError: the experiment has no such metric, it is a time, or it has no mean in any
            variant.
    """
    plan, results = comparison.plan, comparison.results
    evaluator = _find_evaluator(plan, limits.metric)
    metric = evaluator.name
    family = MetricFamily.build(evaluator, comparison.tallies, plan)
    candidates = [
        _candidate(family, number, result, replace(limits, metric=metric))
        for number, result in enumerate(results)
        if _shown_measure(result, metric)
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
        return Decision(metric, outside, None, _no_candidate(names, outside))
    within, chosen = _rank(within, family, limits.floor)
    words = _conclusion(names, metric, within, chosen)
    return Decision(metric, [*within, *outside], chosen, words)


def _shown_measure(result: VariantResult, name: str) -> Measure | None:
    """A metric with failed rows at the worst, or, without a range, as answered; None: no mean."""
    metric = result.metrics[name]
    if metric.worst or metric.mean is None:
        return metric.worst
    counts = metric.n, metric.clusters, metric.tail_unknown
    return Measure(metric.mean, metric.low, metric.high, *counts)


def _find_evaluator(plan: Plan, name: str) -> Evaluator:
    """The evaluator to decide by; of an empty name the first with values of rows."""
    evaluators = {evaluator.name: evaluator for evaluator in plan.experiment.evaluators}
    where, fix = plan.experiment.path, "--metric with a metric that has a value of each row"
    metric = name or first_with_row_values(evaluators.values())
    if metric not in evaluators:
        raise unknown_name("metric", metric, evaluators, where=where)
    require_row_values(evaluators[metric], "decide", where=where, fix=fix)
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
        unsure=not against and _includes(estimate.low, estimate.high, limits.floor),
    )


def _includes(low: float | None, high: float | None, floor: float | None) -> bool:
    return floor is not None and low is not None and high is not None and low < floor < high


def _rank(
    candidates: Sequence[Candidate], family: MetricFamily, floor: float | None
) -> tuple[list[Candidate], Estimate]:
    """Compare the candidates over the same rows, and put the best supported first.

    Returns them with the estimate of the first after choosing.
    """
    scale = family.scale
    clusters = family.plan.clusters([c.variant for c in candidates])
    values = [family.imputed(c.variant) or {} for c in candidates]
    selection = select_best(values, scale, clusters)
    p_values = [_p_as_good(values[selection.best], other, family, clusters) for other in values]
    plausible = may_be_best(p_values)
    best = candidates[selection.best]
    counts = best.rows, best.clusters, best.tail_unknown
    measured = Estimate(best.quality, best.low, best.high, *counts)
    chosen = estimate_after_choosing(measured, selection.unseen_mean, sum(plausible), scale)
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
    best = replace(compared.pop(selection.best), unsure=_includes(chosen.low, chosen.high, floor))
    compared.sort(key=lambda c: -c.support)
    return [best, *compared], chosen


def _p_as_good(
    best: RowValues, other: RowValues, family: MetricFamily, clusters: Sequence[int]
) -> float:
    """One-sided p-value of the hypothesis that the other one is at least as good as the best."""
    difference = None if other is best else paired_difference(best, other, family.scale, clusters)
    if not difference:
        return 1.0
    is_worse = (difference.mean < 0) == family.scale.higher_is_better and difference.mean != 0
    return difference.p / 2 if is_worse else 1 - difference.p / 2


def _no_candidate(names: Sequence[str], outside: Sequence[Candidate]) -> str:
    reasons = "; ".join(f"{names[c.variant]}: {', '.join(c.against)}" for c in outside[:MAX_LISTED])
    reasons += f"; and {len(outside) - MAX_LISTED} more" if len(outside) > MAX_LISTED else ""
    return f"No variant can be taken ({reasons})."


def _conclusion(
    names: Sequence[str], metric: str, candidates: Sequence[Candidate], chosen: Estimate
) -> str:
    best = candidates[0]
    words = f"Take {names[best.variant]}: {metric} {_interval(best.quality, best)}"
    words += f", n={best.rows:,}"
    if candidates[1:]:
        words += (
            f". After choosing from {len(candidates)} variants, expect "
            f"{_interval(chosen.mean, chosen)}."
        )
        close = [c for c in candidates[1:] if c.as_good]
        listed = [names[c.variant] for c in close[:MAX_LISTED]]
        listed += [f"{len(close) - MAX_LISTED} more"] if len(close) > MAX_LISTED else []
        words += f" May be the best, too: {_join(listed)}" if close else " All others are worse"
        gains = [_gain(c, best, names[c.variant]) for c in close if c.on_front][:MAX_LISTED]
        words += f"; of these {_join(gains)}." if gains else "."
    else:
        words += ", the only one that can be taken."
    if best.unsure:
        words += " It may be beyond the floor: the floor is within its interval."
    return words


def _interval(mean: float, ends: Candidate | Estimate) -> str:
    mark = "~" if ends.tail_unknown else ""
    return f"{mean:.3f}" + ("" if ends.low is None else f" {mark}[{ends.low:.3f}, {ends.high:.3f}]")


def _gain(candidate: Candidate, best: Candidate, name: str) -> str:
    gains = []
    cost, latency = candidate.cost, candidate.latency_s
    if cost is not None and best.cost is not None and round(cost, 4) < round(best.cost, 4):
        gains.append(f"costs {cost / best.cost:.0%} of it" if best.cost else "costs less")
    if latency and best.latency_s and latency < best.latency_s:
        gains.append(f"answers in {latency / best.latency_s:.0%} of its time")
    return f"{name} {' and '.join(gains)}" if gains else name


def _join(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
