"""Whether a change may go in: floors that must hold, and a baseline that must not be lost.

gate: {exact_match: {min: 0.6, no_worse_than: baseline, by: 0.02}}

    failed    it is significantly below the floor, or worse than the baseline by more than `by`
    passed    the mean is at the floor or above it; a drop of more than `by` is excluded
    thin      neither: so many rows can't tell, and it is said about how many would

The checks are one family: if nothing has changed, one of them fails in 5% of cases at the most.
Whoever has no value of a row counts with the worst there can be: a gate is not passed by failing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from workbench.comparing.metrics import Family, Values
from workbench.comparing.sides import find_side
from workbench.errors import WorkbenchError
from workbench.evaluator import Evaluator
from workbench.experiment import Rule
from workbench.plan import Plan
from workbench.results import VariantResult
from workbench.stats import ALPHA, below, estimate, holm, rows_to_settle

PASSED, FAILED, THIN = "passed", "failed", "not enough evidence"
BASELINE = "baseline"


@dataclass(frozen=True)
class Check:
    """One rule of the gate on one variant.

    Attributes:
        rule: in words.
        value: the mean, or the difference from the baseline.
        low, high: its 95% interval.
        p: that it failed by chance; adjusted for all checks.
        rows: that it stands on.
        rows_needed: about how many would decide it; None where it is decided.
        base: the baseline's name.
    """

    variant: int
    metric: str
    rule: str
    outcome: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float = 1.0
    rows: int = 0
    rows_needed: int | None = None
    base: str = ""


def check_gate(
    plan: Plan, results: Sequence[VariantResult], own: Sequence[Values], names: Sequence[str] = ()
) -> list[Check]:
    """Every rule on every variant that is meant.

    Args:
        plan: whose experiment file has the gate.
        results: of each variant.
        own: the values of each.
        names: the variants, prompts or models that are meant; none: all that are no baseline.

    Raises:
        WorkbenchError: there is no gate, or nothing that it could be about.
    """
    rules = plan.experiment.gate
    if not rules:
        raise WorkbenchError(
            "there is no gate in the experiment file",
            where=plan.experiment.path,
            fix="gate: {exact_match: {min: 0.6, no_worse_than: baseline, by: 0.02}}",
        )
    meant = _meant(plan, names)
    found = [
        check
        for name, rule in rules.items()
        for check in _Rule(name, rule, plan, results, own).checks(meant)
    ]
    adjusted = holm([check.p for check in found])
    return [
        replace(check, p=p, outcome=FAILED, rows_needed=None) if p <= ALPHA else replace(check, p=p)
        for check, p in zip(found, adjusted, strict=True)
    ]


def _meant(plan: Plan, names: Sequence[str]) -> list[int]:
    if names:
        return sorted({number for name in names for number in find_side(name, plan)})
    said = plan.experiment.data.get("prompts", ())  # the others are planned as baselines
    found = [n for n, variant in enumerate(plan.variants) if variant.prompt.ref in said]
    bases = set(plan.baselines)
    return [n for n in found if n not in bases] or found


@dataclass(frozen=True)
class _Rule:
    metric: str
    rule: Rule
    plan: Plan
    results: Sequence[VariantResult]
    own: Sequence[Values]

    def checks(self, numbers: Sequence[int]) -> Iterator[Check]:
        for number in numbers:
            if self.rule.min is not None:
                yield self._floor(number, self.rule.min, upper=False)
            if self.rule.max is not None:
                yield self._floor(number, self.rule.max, upper=True)
            if self.rule.no_worse_than:
                yield self._drop(number, self.rule.no_worse_than)

    @property
    def _evaluator(self) -> Evaluator:
        return next(one for one in self.plan.experiment.evaluators if one.name == self.metric)

    @property
    def _family(self) -> Family:
        return Family.of(self._evaluator, self.own, self.plan, self.results)

    def _floor(self, number: int, bound: float, *, upper: bool) -> Check:
        """The mean on the right side of a bound."""
        family = self._family
        rows = list(family.filled(number).values())
        passes = family.passes
        found = estimate(rows, pass_fail=passes)
        words = f"{'at most' if upper else 'at least'} {bound:g}"
        if not found:
            return Check(number, self.metric, words, THIN)
        turned = [[(1.0 if passes else 0.0) - value for value in row] for row in rows]
        least = (1.0 if passes else 0.0) - bound
        p = below(turned if upper else rows, least if upper else bound, pass_fail=passes)
        outcome = PASSED if (found.mean <= bound if upper else found.mean >= bound) else THIN
        needed = None
        if outcome == THIN and len(rows) > 1:
            deviation = stdev(fmean(row) for row in rows)
            needed = rows_to_settle(abs(found.mean - bound), deviation)
        return Check(
            variant=number,
            metric=self.metric,
            rule=words,
            outcome=outcome,
            value=found.mean,
            low=found.low,
            high=found.high,
            p=p,
            rows=len(rows),
            rows_needed=needed,
        )

    def _drop(self, number: int, named: str) -> Check:
        """No worse than the baseline by more than a margin."""
        base = self._base(number, named)
        margin, higher = self.rule.by, self._evaluator.traits.higher_is_better
        if base is None or base == number:
            words = f"no worse than {named}"
            why = PASSED if base == number else THIN
            return Check(number, self.metric, words, why, base=named)
        name = self.plan.variants[base].name
        words = f"no worse than {name}" + (f" by {margin:g}" if margin else "")
        family = self._family
        apart = family.worst(base, number) or family.apart(base, number)
        if not apart:
            return Check(number, self.metric, words, THIN, base=name)
        worse, fine = (
            (apart.below(-margin), apart.above(-margin))
            if higher
            else (apart.above(margin), apart.below(margin))
        )
        outcome = PASSED if fine <= ALPHA else THIN
        room = margin + (apart.mean if higher else -apart.mean)
        return Check(
            variant=number,
            metric=self.metric,
            rule=words,
            outcome=outcome,
            value=apart.mean,
            low=apart.low,
            high=apart.high,
            p=worse,
            rows=apart.rows,
            rows_needed=None if outcome == PASSED else rows_to_settle(abs(room), apart.spread),
            base=name,
        )

    def _base(self, number: int, named: str) -> int | None:
        """The baseline's number: the file's, or the variant of a name that shares all else."""
        if named == BASELINE:
            return self.plan.baselines[number]
        variant = self.plan.variants[number]
        ref = f"{variant.prompt.name}{named}" if named.startswith("@") else named
        for other in find_side(ref, self.plan):
            beside = self.plan.variants[other]
            same_model = beside.model.model.label == variant.model.model.label
            if beside.point == variant.point and (
                same_model or beside.prompt.digest == variant.prompt.digest
            ):
                return other
        return None
