"""The results of all variants of a plan, from their tallies.

variant_results(plan, tallies, prices)      [VariantResult(…), VariantResult(…)]
metric_scales(evaluators, tallies)          {"exact_match": Scale(…)}
"""

from collections.abc import Mapping, Sequence

from workbench.evaluator import Evaluator
from workbench.plan import Plan
from workbench.project import Price
from workbench.results.scores import metric_scale
from workbench.results.tally import Tally
from workbench.results.types import VariantResult
from workbench.stats.sample import Scale


def variant_results(
    plan: Plan, tallies: Sequence[Tally], prices: Mapping[str, Price]
) -> list[VariantResult]:
    """Return each variant's results, with costs where `prices` has its `provider:name`."""
    scales = metric_scales(plan.experiment.evaluators, tallies)
    return [
        tally.result(variant, prices.get(variant.model.model.ref), scales)
        for tally, variant in zip(tallies, plan.variants, strict=True)
    ]


def metric_scales(evaluators: Sequence[Evaluator], tallies: Sequence[Tally]) -> dict[str, Scale]:
    """Return the scale of each metric, by the values of all variants."""
    return {
        e.name: metric_scale(e.traits, filter(None, (tally.kind(e.name) for tally in tallies)))
        for e in evaluators
    }
