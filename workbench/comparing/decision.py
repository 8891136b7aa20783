"""The variant to take: within the user's limits, not dominated, and how likely the best.

decide(comparison, Limits("exact_match", floor=0.6, max_cost=0.5))
Decision(metric="exact_match", candidates=[Candidate(…), …], words="Take few_shot: …")
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.metrics import MetricFamily
from workbench.errors import WorkbenchError, unknown_name
from workbench.results.types import VariantResult
from workbench.stats.choice import best_probabilities, pareto_front
from workbench.stats.verdicts import WORSE, verdicts

MAX_LISTED = 5  # variants in the sentence that no variant is within the limits


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
        quality, low, high: the mean and its interval.
        cost: of 1,000 rows; None: unknown.
        latency_s: seconds, the mean of the answers; None: no answer was timed.
        against: the limits that it exceeds, in words.
        unsure: the floor is within the interval.
        on_front: of the variants within the limits none is as good in all and better in one.
        best_chance: the share of bootstrap samples of the rows in which it is the best of them.
        as_good: there is no evidence that it is worse than the best.
    """

    variant: int
    quality: float
    low: float | None
    high: float | None
    cost: float | None
    latency_s: float | None
    against: tuple[str, ...] = ()
    unsure: bool = False
    on_front: bool = False
    best_chance: float = 0.0
    as_good: bool = False


@dataclass(frozen=True)
class Decision:
    """All variants with a mean, those within the limits first, best first; and the conclusion."""

    metric: str
    candidates: Sequence[Candidate]
    words: str


def decide(comparison: ExperimentComparison, limits: Limits) -> Decision:
    """Decide by the stored answers.

    Raises:
        WorkbenchError: the experiment has no such metric, or it has no mean in any variant.
    """
    plan, results = comparison.plan, comparison.results
    evaluators = {evaluator.name: evaluator for evaluator in plan.experiment.evaluators}
    metric = limits.metric or next(iter(evaluators))
    if metric not in evaluators:
        raise unknown_name("metric", metric, evaluators, where=plan.experiment.path)
    family = MetricFamily.build(evaluators[metric], comparison.tallies, plan)
    higher = family.scale.higher_is_better
    candidates = [
        _candidate(number, result, replace(limits, metric=metric), higher=higher)
        for number, result in enumerate(results)
        if result.metrics[metric].mean is not None
    ]
    if not candidates:
        raise WorkbenchError(
            f"{metric} has no mean in any variant",
            where=plan.experiment.path,
            fix="workbench run first, or --metric with a metric that is a number",
        )
    candidates.sort(key=lambda c: -c.quality if higher else c.quality)
    within = _rank([c for c in candidates if not c.against], family)
    outside = [c for c in candidates if c.against]
    names = [variant.name for variant in plan.variants]
    words = _conclusion(names, metric, within) if within else _no_candidate(names, outside)
    return Decision(metric, [*within, *outside], words)


def _candidate(number: int, result: VariantResult, limits: Limits, *, higher: bool) -> Candidate:
    metric = result.metrics[limits.metric]
    quality, floor = metric.mean or 0.0, limits.floor
    cost, latency = result.cost_of_1000, result.latency_s
    against, unsure = [], False
    if floor is not None:
        if quality < floor if higher else quality > floor:
            against.append(f"{limits.metric} {'below' if higher else 'above'} {floor:g}")
        elif metric.low is not None and metric.high is not None:
            unsure = metric.low < floor < metric.high
    for value, most, name in (
        (cost, limits.max_cost, "cost"),
        (latency, limits.max_latency_s, "latency"),
    ):
        if most is not None and (value is None or value > most):
            against.append(f"{name} not known" if value is None else f"{name} above {most:g}")
    return Candidate(
        variant=number,
        quality=quality,
        low=metric.low,
        high=metric.high,
        cost=cost,
        latency_s=latency,
        against=tuple(against),
        unsure=unsure,
    )


def _rank(candidates: Sequence[Candidate], family: MetricFamily) -> list[Candidate]:
    """Compare the candidates, sorted best first, with each other."""
    if not candidates:
        return []
    higher = family.scale.higher_is_better
    sign = 1 if higher else -1
    # A cost or latency that is unknown of any candidate counts for none.
    costs = [
        name
        for name in ("cost", "latency_s")
        if all(getattr(c, name) is not None for c in candidates)
    ]
    points = [[sign * c.quality, *(-getattr(c, name) for name in costs)] for c in candidates]
    values = [family.imputed(c.variant) or {} for c in candidates]
    chances = best_probabilities(values, higher_is_better=higher)
    best, *others = candidates
    differences = [family.difference(best.variant, c.variant) for c in others]
    compared = iter(verdicts([d for d in differences if d], higher_is_better=higher))
    worse = [False, *(next(compared).outcome == WORSE if d else False for d in differences)]
    return [
        replace(candidate, on_front=on_front, best_chance=chance, as_good=not is_worse)
        for candidate, on_front, chance, is_worse in zip(
            candidates, pareto_front(points), chances, worse, strict=True
        )
    ]


def _no_candidate(names: Sequence[str], outside: Sequence[Candidate]) -> str:
    reasons = "; ".join(f"{names[c.variant]}: {', '.join(c.against)}" for c in outside[:MAX_LISTED])
    reasons += f"; and {len(outside) - MAX_LISTED} more" if len(outside) > MAX_LISTED else ""
    return f"No variant keeps all limits ({reasons})."


def _conclusion(names: Sequence[str], metric: str, candidates: Sequence[Candidate]) -> str:
    best = candidates[0]
    interval = "" if best.low is None else f" [{best.low:.3f}, {best.high:.3f}]"
    words = (
        f"Take {names[best.variant]}: {metric} {best.quality:.3f}{interval}, the best in "
        f"{best.best_chance:.0%} of samples."
    )
    close = [c for c in candidates[1:] if c.as_good]
    if close:
        words += (
            f" There is no evidence that {_join([names[c.variant] for c in close])} would be worse"
        )
        gains = [_gain(c, best, names[c.variant]) for c in close if c.on_front]
        words += f"; of these {_join(gains)}." if gains else "."
    if best.unsure:
        words += " It may be below the floor: the floor is within its interval."
    return words


def _gain(candidate: Candidate, best: Candidate, name: str) -> str:
    gains = []
    cost, latency = candidate.cost, candidate.latency_s
    if cost is not None and best.cost is not None and cost < best.cost:
        gains.append(f"costs {cost / best.cost:.0%} of it" if best.cost else "costs less")
    if latency and best.latency_s and latency < best.latency_s:
        gains.append(f"answers in {latency / best.latency_s:.0%} of its time")
    return f"{name} {' and '.join(gains)}" if gains else name


def _join(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
