"""Every metric of every variant beside its baseline's, on the same rows.

compared(results, tallies, plan)    the results, each with a Comparison a metric

The comparisons of one metric are a family: a verdict holds for all of them together.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from workbench.evaluator import Evaluator
from workbench.plan import Plan
from workbench.results import Comparison, VariantResult
from workbench.stats import Difference, Scale, Wanted, difference, verdicts
from workbench.tally import Tally

MARGIN = 0.05  # of a metric's range; of the baseline's mean where none is known
Rows = Mapping[int, Sequence[float]]


def compared(
    results: Sequence[VariantResult], tallies: Sequence[Tally], plan: Plan
) -> list[VariantResult]:
    """The results with what may be said of each beside its baseline."""
    found: list[dict[str, Comparison]] = [{} for _ in results]
    for evaluator in plan.experiment.evaluators:
        for number, comparison in _of_metric(evaluator, results, tallies, plan):
            found[number][evaluator.name] = comparison
    return [replace(one, comparisons=own) for one, own in zip(results, found, strict=True)]


def _of_metric(
    evaluator: Evaluator, results: Sequence[VariantResult], tallies: Sequence[Tally], plan: Plan
) -> Iterator[tuple[int, Comparison]]:
    """The family of one metric: each variant that has a baseline, and values there."""
    name = evaluator.name
    family: list[tuple[int, int, Difference]] = []
    scale = _scale(evaluator, results)
    for number, base in enumerate(plan.baselines):
        if base is None or "category" in (
            results[one].metrics[name].kind for one in (base, number)
        ):
            continue
        found = difference(tallies[base].values(name), tallies[number].values(name), scale)
        if found:
            family.append((number, base, found))
    if not family:
        return
    margin = plan.experiment.margin(name)
    if margin is None:
        reach = scale.reach or abs(family[0][2].before)
        margin = MARGIN * reach
    wanted = Wanted(margin, scale.higher_is_better)
    said = verdicts([found for _, _, found in family], wanted)
    for (number, base, found), verdict in zip(family, said, strict=True):
        worst = _worst(name, tallies[base], tallies[number], scale)
        yield (
            number,
            Comparison(
                baseline=plan.variants[base].name,
                difference=found,
                verdict=verdict,
                margin=margin,
                left_out=plan.rows - found.rows,
                worst=worst,
            ),
        )


def _scale(evaluator: Evaluator, results: Sequence[VariantResult]) -> Scale:
    traits = evaluator.traits
    low, high = traits.range or (None, None)
    kinds = {one.metrics[evaluator.name].kind for one in results if one.metrics[evaluator.name].n}
    passes = kinds == {"pass"}
    return Scale(passes, low, high, traits.higher_is_better)


def _worst(name: str, first: Tally, second: Tally, scale: Scale) -> Difference | None:
    """The difference if whoever has no value of a row had the worst; None where none is missing."""
    lost = [one.lost(name) for one in (first, second)]
    if not any(lost):
        return None
    both = [one.values(name) for one in (first, second)]
    seen = [value for rows in both for row in rows.values() for value in row]
    ends = (0.0, 1.0) if scale.passes else (scale.low, scale.high)
    end = ends[0] if scale.higher_is_better else ends[1]
    if end is None:
        end = min(seen) if scale.higher_is_better else max(seen)
    before, after = (_filled(rows, own, end) for rows, own in zip(both, lost, strict=True))
    return difference(before, after, scale)


def _filled(rows: Rows, lost: Counter[int], worst: float) -> Rows:
    full = {number: [*rows.get(number, ()), *[worst] * count] for number, count in lost.items()}
    return {**rows, **full}
