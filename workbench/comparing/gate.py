"""The gate: floors that must hold, and a baseline that must not be lost.

    gate: {exact_match: {min: 0.6, no_worse_than: baseline, by: 0.02}}

    failed                the mean is significantly below the floor, or the variant is
                          significantly worse than the baseline by more than `by`
    passed                the mean is at the floor or above it; a drop of more than `by` is excluded
    not enough evidence   neither; the check says about how many rows would decide it

The checks are one family: if nothing has changed, one of them fails in 5% of cases at most. A
missing value counts as the worst score, so failures cannot pass a gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.comparing.checks import FAILED, Check, check_rule
from workbench.comparing.metrics import MetricFamily
from workbench.comparing.selectors import select_variants
from workbench.errors import WorkbenchError
from workbench.evaluator.row_values import require_evaluators
from workbench.experiment import GateRule
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.stats.agreement import ALPHA
from workbench.stats.verdicts import holm_adjust


def check_gate(plan: Plan, tallies: Sequence[Tally], selectors: Sequence[str] = ()) -> list[Check]:
    """Every rule of the gate on every gated variant, decided with these rows.

    `selectors` are variants, prompts or models to check; empty: all that are not a baseline.

    Raises:
        WorkbenchError: there is no gate, a bound is out of range, or a selector selects nothing.
    """
    return adjust_checks(check_rules(plan, gate_families(plan, tallies), selectors))


def gate_families(plan: Plan, tallies: Sequence[Tally]) -> dict[str, MetricFamily]:
    """The metrics that the gate checks, by name.

    Raises:
        WorkbenchError: there is no gate, or a bound is out of range.
    """
    rules = plan.experiment.gate
    require_evaluators(plan.experiment.evaluators, "a gate", where=plan.experiment.path)
    if not rules:
        raise WorkbenchError(
            "the experiment file has no gate",
            where=plan.experiment.path,
            fix="gate: {exact_match: {min: 0.6, no_worse_than: baseline, by: 0.02}}",
        )
    families = {
        evaluator.name: MetricFamily.build(evaluator, tallies, plan)
        for evaluator in plan.experiment.evaluators
        if evaluator.name in rules
    }
    for name, rule in rules.items():
        _check_bounds(rule, families[name])
    return families


def check_rules(
    plan: Plan,
    families: Mapping[str, MetricFamily],
    selectors: Sequence[str],
    p_factor: float | None = None,
) -> list[Check]:
    """Checks as of `check_gate`, but not adjusted; `p_factor` as in `check_rule`."""
    variants = gated_variants(plan, selectors)
    return [
        check
        for name, rule in plan.experiment.gate.items()
        for check in check_rule(rule, families[name], variants, p_factor)
    ]


def _check_bounds(rule: GateRule, family: MetricFamily) -> None:
    if family.scale.limits is None:
        return
    low, high = family.scale.limits
    for bound in (rule.min, rule.max):
        if bound is not None and not low <= bound <= high:
            raise WorkbenchError(
                f"gate: {family.evaluator.name} is always from {low:g} to {high:g}, but the bound "
                f"is {bound:g}",
                where=family.plan.experiment.path,
                fix=f"use a bound from {low:g} to {high:g}",
            )


def adjust_checks(checks: Sequence[Check]) -> list[Check]:
    """The checks with p-values adjusted for each other, and `failed` where they are significant."""
    return [
        replace(check, p=p, outcome=FAILED, rows_needed=None) if p <= ALPHA else replace(check, p=p)
        for check, p in zip(checks, holm_adjust([check.p for check in checks]), strict=True)
    ]


def gated_variants(plan: Plan, selectors: Sequence[str]) -> list[int]:
    """The numbers of the variants that the gate checks."""
    if selectors:
        return sorted({n for selector in selectors for n in select_variants(selector, plan)})
    prompts = plan.experiment.content.get("prompts", ())  # others are planned as baselines only
    variants = [n for n, variant in enumerate(plan.variants) if variant.prompt.ref in prompts]
    versions = any(rule.no_worse_than[:1] == "@" for rule in plan.experiment.gate.values())
    bases = set() if versions else set(plan.baselines)  # a version is a baseline of its own prompt
    return [n for n in variants if n not in bases] or variants


def gate_baselines(checks: Sequence[Check], plan: Plan) -> list[int | None]:
    """Each variant's baseline in the checks; the plan's if no rule compares variants."""
    comparing = [check for check in reversed(checks) if check.base is not None]
    bases = {check.variant: check.base for check in comparing}  # of its first check
    compares = any(rule.no_worse_than for rule in plan.experiment.gate.values())
    checked = {check.variant for check in checks}
    return [
        bases.get(number) if compares else base if number in checked else None
        for number, base in enumerate(plan.baselines)
    ]
