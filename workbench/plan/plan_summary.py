"""A plan without its rows, small enough to be sent to the recording process."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from workbench.canonical import JSON
from workbench.experiment import OpenModel
from workbench.model import Provider
from workbench.plan.types import Plan


@dataclass(frozen=True)
class ProviderDescription:
    """The part of a `Provider` that is recorded."""

    identity: Mapping[str, JSON]
    facts: Mapping[str, JSON]
    concurrent: bool
    billed: bool


def describe_models(plan: Plan) -> Plan:
    """Return the plan without providers and functions of evaluators: it can be pickled."""
    models = {v.model.model.label: _described(v.model) for v in plan.variants}
    evaluators = tuple(
        replace(evaluator, function=None, transform=None)
        for evaluator in plan.experiment.evaluators
    )
    scorers = {
        name: scorer.with_models(tuple(map(_described, scorer.models)))
        for name, scorer in plan.experiment.scorers.items()
    }
    experiment = replace(plan.experiment, models=tuple(models.values()), evaluators=evaluators)
    return replace(
        plan,
        experiment=replace(experiment, scorers=scorers),
        variants=tuple(replace(v, model=models[v.model.model.label]) for v in plan.variants),
    )


def summarize_plan(plan: Plan) -> Plan:
    """Return the plan without examples, cells and requests; its digest stays the same."""
    described = describe_models(plan)
    dataset = replace(plan.experiment.dataset, examples=(), row_numbers=())
    return replace(
        described,
        experiment=replace(described.experiment, dataset=dataset),
        examples=(),
        cells=(),
        requests=(),
        bodies={},
        refetch=frozenset(),
        images=plan.images.shown(),
    )


def _described(model: OpenModel) -> OpenModel:
    provider = model.provider
    description = ProviderDescription(
        dict(provider.identity), dict(provider.facts), provider.concurrent, provider.billed
    )
    return OpenModel(model.model, cast("Provider", description))
