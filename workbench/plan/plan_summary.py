"""A plan without its rows, fit to be sent to another process: what a record says of a run.

header(plan)    Plan(variants=(…), cells=(), bodies={}, …), digest as the plan's
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from workbench.canonical import JSON
from workbench.experiment import OpenModel
from workbench.model import Provider
from workbench.plan.types import Plan


@dataclass(frozen=True)
class Described:
    """All that a record asks of a provider; see `Provider` for both."""

    identity: Mapping[str, JSON]
    facts: Mapping[str, JSON]


def header(plan: Plan) -> Plan:
    """The plan without examples, cells and requests, its providers and evaluators described."""
    experiment = plan.experiment
    models = {v.model.model.label: _described(v.model) for v in plan.variants}
    return replace(
        plan,
        experiment=replace(
            experiment,
            dataset=replace(experiment.dataset, examples=(), row_numbers=()),
            models=tuple(models.values()),
            evaluators=tuple(replace(one, function=None) for one in experiment.evaluators),
        ),
        examples=(),
        variants=tuple(replace(v, model=models[v.model.model.label]) for v in plan.variants),
        cells=(),
        requests=(),
        bodies={},
        anew=frozenset(),
    )


def _described(model: OpenModel) -> OpenModel:
    provider = model.provider
    return OpenModel(
        model.model, cast("Provider", Described(dict(provider.identity), dict(provider.facts)))
    )
