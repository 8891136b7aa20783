"""Checks: one rule of a gate on one variant.

    at least, at most     fails where the mean is significantly beyond the bound; passes where it is
                          not beyond it, or, with repeated looks, significantly on the right side
    no worse than         fails where the variant is significantly worse by more than the margin;
                          passes where that is excluded

An answer that failed, or could not be scored, counts as the worst score. Where more answers than
`max_failed` got no reply at all, which may or may not be the prompt's fault, a check fails only
without them and does not pass. Rows that the baseline has no value of are left out: a gate never
passes where everything failed. An example:

    Check(variant=1, metric="exact_match", rule="at least 0.6", outcome="passed", value=0.8, …)
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean, stdev

from workbench.comparing.metrics import MetricFamily
from workbench.comparing.selectors import find_baseline, is_new
from workbench.errors import pluralize
from workbench.experiment import GateRule
from workbench.stats.agreement import ALPHA
from workbench.stats.means import Estimate, estimate_mean, p_mean_greater, p_mean_less
from workbench.stats.pairs import Difference
from workbench.stats.quantiles import Quantile
from workbench.stats.sample import MIN_UNRANGED, RowValues, Scale
from workbench.stats.sequential import AnytimeMean
from workbench.stats.verdicts import ANYTIME_FACTOR, INCONCLUSIVE, rows_to_decide

PASSED, FAILED = "passed", "failed"
TOO_FEW_VALUES = f"a metric without a range needs {MIN_UNRANGED} rows"


@dataclass(frozen=True)
class Check:
    """One rule of the gate on one variant.

    Attributes:
        value: the mean, or the difference from the baseline.
        low, high: its 95% interval; None where `tail_unknown`.
        tail_unknown, median: as in `Estimate` and `Difference`.
        p: p-value of the null hypothesis that the rule holds; adjusted for all checks.
        rows_needed: about how many would decide it; None where it is decided.
        rows, clusters: dataset rows behind the value, and groups that depend on each other.
        not_applicable: rows to which the evaluator does not apply; they are in no value.
        left_out: rows that have a value, and none of the baseline; they are in no difference.
        unreached: answers that got no reply.
        reason: why the check can't pass although its rows would; empty if it could.
        base: the number of the baseline; None: the rule compares with none.
        fixed_sample: it is decided once, by the first rows, although there are repeated looks: the
            metric has no range, or the bound is an end of the range.
        anytime_valid: it holds at every look at the rows.
    """

    variant: int
    metric: str
    rule: str
    outcome: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    tail_unknown: bool = False
    median: Quantile | None = None
    p: float = 1.0
    rows: int = 0
    clusters: int = 0
    not_applicable: int = 0
    left_out: int = 0
    unreached: int = 0
    reason: str = ""
    rows_needed: int | None = None
    base: int | None = None
    fixed_sample: bool = False
    anytime_valid: bool = False

    @property
    def variants(self) -> tuple[int, ...]:
        """The numbers of the variant and of its baseline, if it has one."""
        return (self.variant,) if self.base is None else (self.variant, self.base)


def check_rule(
    rule: GateRule, family: MetricFamily, variants: Sequence[int], p_factor: float | None = None
) -> Iterator[Check]:
    """Yield the check of each part of the rule on each variant, not adjusted for each other.

    `p_factor` is a factor on anytime-valid p-values; None: the rows are looked at once, as they
    are for a metric of time or without a range.
    """
    bounds = [(bound, side) for bound, side in ((rule.min, 1), (rule.max, -1)) if bound is not None]
    single_look = family.scale.width is None or family.evaluator.traits.measures_time
    factor = None if single_look else p_factor
    for number in variants:
        checks = [
            _check_bound(family, number, bound, side=side, p_factor=factor)
            for bound, side in bounds
        ]
        checks += [_check_drop(family, number, rule, factor)] if rule.no_worse_than else []
        for check in checks:
            once = p_factor is not None and check.value is not None and not check.anytime_valid
            yield replace(check, fixed_sample=once)


def _check_bound(
    family: MetricFamily, number: int, bound: float, *, side: int, p_factor: float | None
) -> Check:
    """The check of a mean, which is right above the bound (side 1) or below it (side -1)."""
    scale = replace(family.scale, higher_is_better=side > 0)  # the worst score for this rule
    sample = _GateSample.build(family, (number,), scale)
    rule = f"at {'least' if side > 0 else 'most'} {bound:g}"
    check = sample.check(Check(number, family.evaluator.name, rule, INCONCLUSIVE))
    clusters = family.plan.clusters((number,))
    estimate = estimate_mean(sample.shown, scale, clusters)
    if not estimate:
        return check
    if corrected := None if p_factor else family.tested_mean(number):
        estimate = replace(estimate, mean=corrected.mean, low=corrected.low, high=corrected.high)
    distance, limits = side * (estimate.mean - bound), scale.limits
    low, high = estimate.low, estimate.high
    at_end = limits is not None and not limits[0] < bound < limits[1]
    if corrected:
        p, passed = (corrected.p_less, corrected.p_greater)[side < 0](bound), distance >= 0
    elif p_factor is None or limits is None or at_end:
        p_beyond = p_mean_less if side > 0 else p_mean_greater
        p, passed = p_beyond(sample.tested, bound, scale, clusters), distance >= 0
        if not passed and _may_lack_the_tail(sample.tested, side, scale, estimate.clusters):
            p, check = 1.0, replace(check, reason=check.reason or TOO_FEW_VALUES)
    else:
        sequence = AnytimeMean.of_rows(sample.tested, limits, clusters)
        p, p_holds = (sequence.p_less(bound), sequence.p_greater(bound))[::side]
        p, passed = min(1.0, p * p_factor), p_holds * p_factor <= ALPHA
        low, high = AnytimeMean.of_rows(sample.shown, limits, clusters).interval()
    passed = passed and not sample.reason
    rows_needed = None
    if not passed and not sample.reason and estimate.rows > 1:  # where no row differs, one might
        least_sd = (scale.width or 0.0) / math.sqrt(estimate.rows)
        sd = max(stdev(fmean(row) for row in sample.shown.values()), least_sd)
        sd *= math.sqrt(estimate.rows / estimate.clusters)
        rows_needed = _rows_needed((abs(distance), sd, 0.0), estimate.rows, p_factor)
    return replace(
        _with_value(check, estimate),
        outcome=PASSED if passed else INCONCLUSIVE,
        low=low,
        high=high,
        p=p,
        rows_needed=rows_needed,
        anytime_valid=p_factor is not None and not at_end,
    )


def _may_lack_the_tail(values: RowValues, side: int, scale: Scale, clusters: int) -> bool:
    """True if rare values, not seen yet, could move the mean to the right side of the bound.

    Times, costs and counts have rare large values and none below 0, so this is so for a floor.
    """
    if scale.limits or clusters >= MIN_UNRANGED:
        return False
    return any(side * value > 0 for repeats in values.values() for value in repeats)


@dataclass(frozen=True)
class _GateSample:
    """The values of a variant that a check goes by.

    Attributes:
        shown: with the worst score for every failed answer, as in every command.
        tested: the same, but for answers without a reply if there are too many.
        unreached: answers without a reply, of the variant and of its baseline.
        reason: why the check can't pass; empty if it can.
    """

    shown: RowValues
    tested: RowValues
    not_applicable: int
    left_out: int
    unreached: int
    reason: str

    @classmethod
    def build(cls, family: MetricFamily, variants: Sequence[int], scale: Scale) -> "_GateSample":
        """Build the sample of the first variant; others are what it is compared with."""
        scores = family.scores[variants[0]]
        unreached = sum(sum(family.scores[n].unreached.values()) for n in variants)
        max_failed, reason = family.plan.experiment.max_failed, ""
        judge = family.plan.experiment.judges.get(family.evaluator.name)
        if judge and judge.doubt:
            reason = judge.doubt
        if not family.is_comparable:
            reason = "its values are categories, which have no mean"
        column_scores = [family.column_scores[number] for number in variants]
        reason = next((s.problem for s in column_scores if s and s.problem), reason)
        shown = tested = scores.imputed(scale)
        if unreached > max_failed:
            tested = scores.without_unreached().imputed(scale)
            answers = pluralize(unreached, "answer")
            reason = f"{answers} got no reply, and max_failed is {max_failed}; run again"
        if shown is None:
            lost = pluralize(sum(scores.lost.values()), "answer")
            reason = f"{lost} failed, and the metric has no worst score to count"
        shown = scores.values if shown is None else shown
        bases = [family.scores[n].values.keys() for n in variants[1:]]
        return cls(
            shown,
            scores.values if tested is None else tested,
            len(scores.not_applicable),
            sum(len(shown.keys() - base) for base in bases),
            unreached,
            reason,
        )

    def check(self, check: Check) -> Check:
        """Return the check with the counts of this sample."""
        return replace(
            check,
            not_applicable=self.not_applicable,
            left_out=self.left_out,
            unreached=self.unreached,
            reason=self.reason,
        )


def _check_drop(family: MetricFamily, number: int, rule: GateRule, p_factor: float | None) -> Check:
    plan, margin = family.plan, rule.by
    base = find_baseline(plan, number, rule.no_worse_than)
    check = Check(number, family.evaluator.name, f"no worse than {rule.no_worse_than}", PASSED)
    if base == number:
        return replace(check, rule=f"{check.rule}, which it is")
    if base is None:
        if is_new(plan, number, rule.no_worse_than):
            return replace(check, rule=f"{check.rule}, where it is not")
        words = f"{check.rule}, which shares nothing with it"
        return replace(check, rule=words, outcome=INCONCLUSIVE)
    words = f"no worse than {plan.variants[base].name}" + (f" by {margin:g}" if margin else "")
    sample = _GateSample.build(family, (number, base), family.scale)
    check = sample.check(replace(check, rule=words, outcome=INCONCLUSIVE, base=base))
    # Rows that the baseline has no value of are left out: where both failed there is no evidence.
    before, anytime = family.reference(base, number).values, p_factor is not None
    compare = partial(family.compare, base, number, before, anytime=anytime)
    shown = compare(sample.shown)
    tested = shown if sample.tested is sample.shown else compare(sample.tested)
    if not shown:
        return check
    reason, p_worse, p_fine = sample.reason or shown.reason, 1.0, 1.0
    sign = 1 if family.scale.higher_is_better else -1
    if tested:
        tests = (tested.p_less, tested.p_greater)[::sign]
        p_worse, p_fine = (test(-sign * margin) for test in tests)
    factor = 1.0 if p_factor is None else p_factor
    passed, rows_needed = p_fine * factor <= ALPHA and not reason, None
    if not passed and not reason:
        spread = abs(margin + sign * shown.mean), shown.planning_sd, shown.unseen
        rows_needed = _rows_needed(spread, shown.rows, p_factor)
    return replace(
        _with_value(check, shown),
        outcome=PASSED if passed else INCONCLUSIVE,
        reason=reason,
        p=min(1.0, p_worse * factor),
        rows_needed=rows_needed,
        anytime_valid=p_factor is not None,
    )


def _with_value(check: Check, shown: Estimate | Difference) -> Check:
    return replace(
        check,
        value=shown.mean,
        low=shown.low,
        high=shown.high,
        tail_unknown=shown.tail_unknown,
        median=shown.median,
        rows=shown.rows,
        clusters=shown.clusters,
    )


def _rows_needed(
    spread: tuple[float, float, float], rows: int, p_factor: float | None
) -> int | None:
    """The total rows that would decide the check, more than now; None: none is likely to.

    `spread` is what `rows_to_decide` takes.
    """
    needed = rows_to_decide(*spread)
    factor = 1.0 if p_factor is None else ANYTIME_FACTOR
    return max(rows + 1, math.ceil(needed * factor)) if needed else None
