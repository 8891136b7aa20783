"""A grid as factors: the effects of prompt, model and each parameter, and their interactions.

    compare_factors(plan, tallies, range(len(plan.variants)))
    FactorComparison(factors=[Factor("prompt", ["zero_shot", "few_shot"]), …],
                     metrics=[MetricEffects("exact_match", …, main_effects=[MainEffect(…), …])])

A main effect is over the combinations of the other factors that have all its levels, each with the
same weight; an interaction over those that have all pairs of levels. All are over the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from workbench.comparing.cross import Cross, Factor
from workbench.comparing.metrics import DEFAULT_MARGIN, MetricFamily
from workbench.comparing.value_table import FactorInteraction, MainEffect, ValueTable
from workbench.errors import WorkbenchError
from workbench.evaluator.row_values import require_evaluators
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.stats.verdicts import holm_adjust


@dataclass(frozen=True)
class MetricEffects:
    """The effects on one metric.

    Attributes:
        rows, clusters: those with a value of every variant.
        left_out: other rows of the dataset.
        not_applicable: of these, rows to which the evaluator does not apply in some variant.
        failed: answers that failed, or on which the evaluator failed: the worst score counts.
        worst_unknown: the metric has no range, and so no worst score: such answers don't count.
    """

    metric: str
    margin: float
    rows: int
    clusters: int
    left_out: int
    not_applicable: int
    failed: int
    worst_unknown: bool
    main_effects: Sequence[MainEffect] = ()
    interactions: Sequence[FactorInteraction] = ()


@dataclass(frozen=True)
class FactorComparison:
    """The effects of a plan's factors on each of its metrics with numbers.

    Attributes:
        variants: the number of those that are compared.
        not_crossed: factors and pairs of factors that can't be tested: no combination of the
            others has all their levels.
        times: metrics of time; they are compared in pairs only.
    """

    factors: Sequence[Factor]
    variants: int
    not_crossed: Sequence[str]
    times: Sequence[str]
    metrics: Sequence[MetricEffects]


def compare_factors(
    plan: Plan, tallies: Sequence[Tally], variants: Sequence[int]
) -> FactorComparison:
    """Return the effects of the factors that these variants cross.

    Raises:
        WorkbenchError: no factor has all its levels with the same levels of the others.
    """
    cross = Cross.of_variants([plan.variants[number] for number in variants])
    if not any(cross.columns([factor]).size for factor in cross.factors):
        raise WorkbenchError(
            "the variants don't cross: no prompt, model or parameter has all its values with the "
            "same values of the others",
            where=plan.experiment.path,
            fix="name variants that share all else: workbench compare zero_shot few_shot --factors",
        )
    evaluators = plan.experiment.evaluators
    require_evaluators(evaluators, "--factors", where=plan.experiment.path)
    families = [
        MetricFamily.build(e, tallies, plan) for e in evaluators if not e.traits.measures_time
    ]
    return FactorComparison(
        factors=cross.factors,
        variants=len(variants),
        not_crossed=[
            " × ".join(factor.name for factor in part)
            for part in (*combinations(cross.factors, 1), *combinations(cross.factors, 2))
            if not cross.columns(part).size
        ],
        times=[e.name for e in evaluators if e.traits.measures_time],
        metrics=[
            _metric_effects(family, cross, variants)
            for family in families
            if family.has_row_numbers
        ],
    )


def _metric_effects(family: MetricFamily, cross: Cross, variants: Sequence[int]) -> MetricEffects:
    table = ValueTable.build(family, variants)
    scores = [family.scores[number] for number in variants]
    margin = family.plan.experiment.margin(family.evaluator.name)
    if margin is None:
        mean = float(np.abs(table.values.mean(axis=0)).max()) if table.rows else 0.0
        margin = DEFAULT_MARGIN * (family.scale.width or mean)
    effects = MetricEffects(
        metric=family.evaluator.name,
        margin=margin,
        rows=len(table.rows),
        clusters=len(set(table.clusters)),
        left_out=family.plan.rows - len(table.rows),
        not_applicable=len(
            set().union(*(part.not_applicable for part in scores)) - set(table.rows)
        ),
        failed=sum(part.lost.get(row, 0) for part in scores for row in table.rows),
        worst_unknown=table.worst_unknown,
    )
    if effects.clusters < 2:
        return effects
    main_effects = [
        table.main_effect(factor, columns, margin, len(cross.others([factor])))
        for factor in cross.factors
        if (columns := cross.columns([factor])).size
    ]
    interactions = [
        table.interaction(pair, columns, len(cross.others(pair)))
        for pair in combinations(cross.factors, 2)
        if (columns := cross.columns(pair)).size
    ]
    return _adjusted(replace(effects, main_effects=main_effects, interactions=interactions))


def _adjusted(effects: MetricEffects) -> MetricEffects:
    """The effects with p-values adjusted for each other (Holm)."""
    mains, interactions = effects.main_effects, effects.interactions
    p = iter(holm_adjust([*(e.p for e in mains), *(e.p for e in interactions)]))
    equivalence = iter(holm_adjust([effect.p_equivalence for effect in mains]))
    return replace(
        effects,
        main_effects=[
            replace(effect, p=next(p), p_equivalence=next(equivalence)) for effect in mains
        ],
        interactions=[replace(effect, p=next(p)) for effect in interactions],
    )
