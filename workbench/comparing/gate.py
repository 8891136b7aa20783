"""Whether a change may go in: floors that must hold, and a baseline that must not be lost.

gate: {exact_match: {min: 0.6, no_worse_than: baseline, by: 0.02}}

    failed    it is significantly below the floor, or worse than the baseline by more than `by`
    passed    the mean is at the floor or above it; a drop of more than `by` is excluded
    inconclusive  neither: the rows are too few to tell; the report estimates how many would do

The checks are one family: if nothing has changed, one of them fails in 5% of cases at the most.
Whoever has no value of a row counts with the worst there can be: a gate is not passed by failing.
"""

from collections.abc import Sequence
from dataclasses import replace

from workbench.comparing.checks import FAILED, Check, Look, checks
from workbench.comparing.metrics import Family, Values
from workbench.comparing.selectors import find_side
from workbench.errors import WorkbenchError
from workbench.experiment import GateRule
from workbench.plan import Plan
from workbench.results.metrics import VariantResult
from workbench.stats import ALPHA, holm


def check_gate(
    plan: Plan, results: Sequence[VariantResult], own: Sequence[Values], names: Sequence[str] = ()
) -> list[Check]:
    """Every rule on every variant that is meant, decided with these rows.

    Args:
        plan: whose experiment file has the gate.
        results: of each variant.
        own: the values of each.
        names: the variants, prompts or models that are meant; none: all that are no baseline.

    Raises:
        WorkbenchError: there is no gate, or nothing that it could be about.
    """
    return adjusted(find_checks(plan, results, own, names))


def find_checks(
    plan: Plan,
    results: Sequence[VariantResult],
    own: Sequence[Values],
    names: Sequence[str],
    look: Look | None = None,
) -> list[Check]:
    """As `check_gate`, but each check by itself.

    Args:
        plan: whose experiment file has the gate.
        results: of each variant.
        own: the values of each.
        names: of those that are meant.
        look: one of many at these rows; None: there is one only.

    Raises:
        WorkbenchError: as `check_gate`.
    """
    rules = plan.experiment.gate
    if not rules:
        raise WorkbenchError(
            "there is no gate in the experiment file",
            where=plan.experiment.path,
            fix="gate: {exact_match: {min: 0.6, no_worse_than: baseline, by: 0.02}}",
        )
    meant = find_meant(plan, names)
    families = {
        one.name: Family.of(one, own, plan, results)
        for one in plan.experiment.evaluators
        if one.name in rules
    }
    for name, rule in rules.items():
        _check_bounds(rule, families[name])
    return [
        check for name, rule in rules.items() for check in checks(rule, families[name], meant, look)
    ]


def _check_bounds(rule: GateRule, family: Family) -> None:
    """That a mean can be on either side of each bound."""
    if not family.scale.reach:
        return
    low, high = family.ends
    for bound in (rule.min, rule.max):
        if bound is not None and not low <= bound <= high:
            raise WorkbenchError(
                f"gate: {family.evaluator.name} is never beyond {low:g} to {high:g}, and the bound "
                f"is {bound:g}",
                where=family.plan.experiment.path,
                fix=f"a bound from {low:g} to {high:g}",
            )


def adjusted(found: Sequence[Check]) -> list[Check]:
    """With the p of failing adjusted for all of them, and what fails by it."""
    return [
        replace(check, p=p, outcome=FAILED, rows_needed=None) if p <= ALPHA else replace(check, p=p)
        for check, p in zip(found, holm([check.p for check in found]), strict=True)
    ]


def find_meant(plan: Plan, names: Sequence[str]) -> list[int]:
    """The numbers of the variants that a gate is about."""
    if names:
        return sorted({number for name in names for number in find_side(name, plan)})
    said = plan.experiment.content.get("prompts", ())  # the others are planned as baselines
    found = [n for n, variant in enumerate(plan.variants) if variant.prompt.ref in said]
    versions = any(rule.no_worse_than[:1] == "@" for rule in plan.experiment.gate.values())
    bases = set() if versions else set(plan.baselines)  # each has a version of its own to keep to
    return [n for n in found if n not in bases] or found


def checked_variants(found: Sequence[Check], plan: Plan) -> list[tuple[int, ...]]:
    """Of each check the number of its variant, and of what that is compared with, if it is."""
    numbers = {variant.name: number for number, variant in enumerate(plan.variants)}
    return [
        (check.variant, numbers[check.baseline]) if check.baseline else (check.variant,)
        for check in found
    ]


def gate_baselines(found: Sequence[Check], plan: Plan) -> list[int | None]:
    """Of each variant what the checks compare it with; where they compare none, the plan's."""
    first = {own[0]: own[1] for own in reversed(checked_variants(found, plan)) if own[1:]}
    compares = any(rule.no_worse_than for rule in plan.experiment.gate.values())
    meant = {check.variant for check in found}
    return [
        first.get(number) if compares else base if number in meant else None
        for number, base in enumerate(plan.baselines)
    ]
