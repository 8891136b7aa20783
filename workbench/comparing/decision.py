"""Which variant to take: what keeps the user's limits, what none beats, how sure the best is.

decide(found, Limits("exact_match", floor=0.6, max_cost=0.5))    Decision(candidates=[…], words="…")
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.comparing.comparison import ExperimentComparison
from workbench.comparing.metrics import Family
from workbench.errors import WorkbenchError, unknown_name
from workbench.results.metrics import VariantResult
from workbench.stats import WORSE, Wanted, best_chances, front, verdicts


@dataclass(frozen=True)
class Limits:
    """What a variant must keep.

    Attributes:
        metric: that counts as quality; empty: the first.
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
    """A variant and what speaks for and against it.

    Attributes:
        variant: its number.
        quality, low, high: the mean and its interval.
        cost: of 1,000 rows; None: not known.
        latency_s: seconds, the mean of the answers; None: no answer was timed.
        against: the limits that it does not keep, in words.
        unsure: the floor lies within the interval.
        on_front: of those that keep the limits none is as good in all and better in something.
        best_chance: the share of bootstrap samples of the rows in which it is the best of them.
        as_good: nothing says that it is worse than the best.
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
    """All that have a quality, best first; and what follows, in words."""

    metric: str
    candidates: Sequence[Candidate]
    words: str


def decide(found: ExperimentComparison, limits: Limits) -> Decision:
    """What follows from the stored answers.

    Args:
        found: the results, with their costs where there are prices.
        limits: what a variant must keep.

    Raises:
        WorkbenchError: the metric is none of the experiment's, or has no mean anywhere.
    """
    evaluators = {one.name: one for one in found.plan.experiment.evaluators}
    metric = limits.metric or next(iter(evaluators))
    if metric not in evaluators:
        raise unknown_name("metric", metric, evaluators, where=found.plan.experiment.path)
    family = Family.of(evaluators[metric], found.tallies, found.plan, found.results)
    higher = family.scale.higher_is_better
    made = [
        one
        for number, result in enumerate(found.results)
        if (one := _candidate(number, result, metric, limits, higher=higher))
    ]
    if not made:
        raise WorkbenchError(
            f"{metric} has no mean in any variant",
            where=found.plan.experiment.path,
            fix="workbench run first, or --metric with one that is a number",
        )
    made.sort(key=lambda one: -one.quality if higher else one.quality)
    kept = [one for one in made if not one.against]
    kept = _weighed(kept, family) if kept else []
    others = [one for one in made if one.against]
    return Decision(metric, [*kept, *others], _words(found, metric, kept, others))


def _candidate(
    number: int, result: VariantResult, metric: str, limits: Limits, *, higher: bool
) -> Candidate | None:
    said = result.metrics[metric]
    if said.mean is None:
        return None
    cost, latency = result.cost_of_1000, result.latency_s
    against, unsure = [], False
    if limits.floor is not None:
        word = "below" if higher else "above"
        if said.mean < limits.floor if higher else said.mean > limits.floor:
            against.append(f"{metric} {word} {limits.floor:g}")
        elif said.low is not None and said.high is not None:
            unsure = said.low < limits.floor < said.high
    for value, most, name in (
        (cost, limits.max_cost, "cost"),
        (latency, limits.max_latency_s, "latency"),
    ):
        if most is not None and (value is None or value > most):
            against.append(f"{name} not known" if value is None else f"{name} above {most:g}")
    return Candidate(
        variant=number,
        quality=said.mean,
        low=said.low,
        high=said.high,
        cost=cost,
        latency_s=latency,
        against=tuple(against),
        unsure=unsure,
    )


def _weighed(kept: Sequence[Candidate], family: Family) -> list[Candidate]:
    """Those that keep the limits, best first, beside each other."""
    higher = family.scale.higher_is_better
    sign = 1 if higher else -1
    points = [[sign * one.quality, *_cheapness(one, kept)] for one in kept]
    values = [family.filled(one.variant) for one in kept]
    chances = best_chances(values, higher_is_better=higher)
    best, *rest = kept
    apart = [family.apart(best.variant, one.variant) for one in rest]
    said = iter(verdicts([one for one in apart if one], Wanted(0.0, higher)))
    worse = [False, *(next(said).outcome == WORSE if one else False for one in apart)]
    return [
        replace(one, on_front=on_front, best_chance=chance, as_good=not clearly)
        for one, on_front, chance, clearly in zip(kept, front(points), chances, worse, strict=True)
    ]


def _cheapness(one: Candidate, others: Sequence[Candidate]) -> list[float]:
    """Cost and latency, more being better; what isn't known of all counts for none."""
    found = []
    for name in ("cost", "latency_s"):
        if all(getattr(other, name) is not None for other in others):
            found.append(-getattr(one, name))
    return found


def _words(
    found: ExperimentComparison, metric: str, kept: Sequence[Candidate], others: Sequence[Candidate]
) -> str:
    def name(one: Candidate) -> str:
        return found.plan.variants[one.variant].name

    if not kept:
        why = "; ".join(f"{name(one)}: {', '.join(one.against)}" for one in others[:5])
        why += f"; and {len(others) - 5} more" if len(others) > 5 else ""
        return f"No variant keeps all limits ({why})."
    best = kept[0]
    interval = "" if best.low is None else f" [{best.low:.3f}, {best.high:.3f}]"
    said = (
        f"Take {name(best)}: {metric} {best.quality:.3f}{interval}, the best in "
        f"{best.best_chance:.0%} of samples."
    )
    close = [one for one in kept[1:] if one.as_good]
    if close:
        said += f" Nothing says that {_listed([name(one) for one in close])} would be worse"
        cheaper = [one for one in close if one.on_front]
        gains = [_gain(one, best, name(one)) for one in cheaper]
        said += f"; of these {_listed(gains)}." if gains else "."
    if best.unsure:
        said += " That it keeps the floor is not certain: the floor lies within its interval."
    return said


def _gain(one: Candidate, best: Candidate, name: str) -> str:
    better = []
    if one.cost is not None and best.cost is not None and one.cost < best.cost:
        better.append(f"costs {one.cost / best.cost:.0%} of it" if best.cost else "costs less")
    if one.latency_s and best.latency_s and one.latency_s < best.latency_s:
        better.append(f"answers in {one.latency_s / best.latency_s:.0%} of its time")
    return f"{name} {' and '.join(better)}" if better else name


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
