"""One rule of a gate on one variant: what its rows say.

list(checks(rule, family, [1, 2]))              decided with these rows, once
list(checks(rule, family, [1, 2], Look()))      the rows are looked at again and again

    at least, at most     fails where the mean is significantly beyond the bound; passes where it is
                          not beyond it, or, looked at again and again, significantly on this side
    no worse than         fails where it is significantly worse by more than the margin; passes
                          where that is excluded

A variant that has no value of a row counts with the worst there can be. Rows that what it is
compared with has no value of are left out: where nothing works at all, nothing passes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from workbench.comparing.metrics import Family
from workbench.comparing.selectors import find_side
from workbench.experiment import GateRule
from workbench.plan import Plan
from workbench.stats import ALPHA, OFTEN, Watched, below, estimate_mean, rows_to_settle

PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "not enough evidence"
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
        once: no further row is looked at: the metric has no range, or the bound is its end.
        again: it holds however often the rows are looked at.
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
    baseline: str = ""
    fixed_sample: bool = False
    anytime_valid: bool = False


@dataclass(frozen=True)
class Look:
    """One of many at the same rows.

    Attributes:
        weight: how many times as strong the evidence has to be.
    """

    weight: float = 1.0


def checks(
    rule: GateRule, family: Family, variants: Sequence[int], look: Look | None = None
) -> Iterator[Check]:
    """Each part of the rule on each variant, by itself.

    Args:
        rule: as the experiment file has it.
        family: the values of its metric; without a range they are judged as if once, always.
        variants: the numbers of those that are meant.
        look: None: there is one only.
    """
    bounds = [_Bound(f"at least {rule.min:g}", rule.min, 1)] if rule.min is not None else []
    bounds += [_Bound(f"at most {rule.max:g}", rule.max, -1)] if rule.max is not None else []
    one = look if family.scale.reach else None
    for number in variants:
        found = [_beside(family, number, bound, one) for bound in bounds]
        found += [_drop(family, number, rule, one)] if rule.no_worse_than else []
        for check in found:
            judged_once = look is not None and check.value is not None and not check.anytime_valid
            yield replace(check, fixed_sample=judged_once)


@dataclass(frozen=True)
class _Bound:
    """What a mean is held against.

    Attributes:
        side: on which the mean is right: 1 above, -1 below.
    """

    words: str
    value: float
    side: int


def _beside(family: Family, number: int, bound: _Bound, look: Look | None) -> Check:
    """A mean beside a bound."""
    name, rows = family.evaluator.name, list(family.filled(number).values())
    found = estimate_mean(rows, pass_fail=family.passes)
    if not found:
        return Check(number, name, bound.words, INCONCLUSIVE)
    room = bound.side * (found.mean - bound.value)
    low, high = found.low, found.high
    at_an_end = family.scale.reach and not family.ends[0] < bound.value < family.ends[1]
    if look is None or at_an_end:
        beyond, passed = _beyond(rows, bound, passes=family.passes), room >= 0
    else:
        watched = Watched([fmean(row) for row in rows], *family.ends)
        tests = watched.below(bound.value), watched.above(bound.value)
        beyond, right = tests if bound.side > 0 else tests[::-1]
        beyond, passed = min(1.0, beyond * look.weight), right * look.weight <= ALPHA
        low, high = watched.interval()
    needed = None
    if not passed and len(rows) > 1:  # where none differs, one more row might
        least = (family.scale.reach or 0.0) / math.sqrt(len(rows))
        deviation = max(stdev(fmean(row) for row in rows), least)
        needed = _needed(abs(room), deviation, len(rows), look)
    return Check(
        variant=number,
        metric=name,
        rule=bound.words,
        outcome=PASSED if passed else INCONCLUSIVE,
        value=found.mean,
        low=low,
        high=high,
        p=beyond,
        rows=len(rows),
        rows_needed=needed,
        anytime_valid=bool(look and not at_an_end),
    )


def _beyond(rows: Sequence[Sequence[float]], bound: _Bound, *, passes: bool) -> float:
    """The p of these rows if the mean is on the right side."""
    if bound.side > 0:
        return below(rows, bound.value, pass_fail=passes)
    whole = 1.0 if passes else 0.0
    turned = [[whole - value for value in row] for row in rows]
    return below(turned, whole - bound.value, pass_fail=passes)


def _drop(family: Family, number: int, rule: GateRule, look: Look | None) -> Check:
    """No worse than the baseline by more than a margin."""
    plan, name = family.plan, family.evaluator.name
    base, margin = find_base(plan, number, rule.no_worse_than), rule.by
    if base is None or base == number:
        new = base is None and is_new(plan, number, rule.no_worse_than)
        why = "which it is" if base == number else "where it is not"
        why = why if new or base == number else "which shares nothing with it"
        passes = new or base == number
        words = f"no worse than {rule.no_worse_than}, {why}"
        return Check(number, name, words, PASSED if passes else INCONCLUSIVE)
    called = plan.variants[base].name
    words = f"no worse than {called}" + (f" by {margin:g}" if margin else "")
    anytime_valid = look is not None
    apart = family.held(base, number, anytime_valid=anytime_valid)
    if not apart:
        return Check(number, name, words, INCONCLUSIVE, baseline=called)
    higher = family.scale.higher_is_better
    worse, fine = (
        (apart.below(-margin), apart.above(-margin))
        if higher
        else (apart.above(margin), apart.below(margin))
    )
    weight = look.weight if look else 1.0
    passed = fine * weight <= ALPHA
    room = margin + (apart.mean if higher else -apart.mean)
    return Check(
        variant=number,
        metric=name,
        rule=words,
        outcome=PASSED if passed else INCONCLUSIVE,
        value=apart.mean,
        low=apart.low,
        high=apart.high,
        p=min(1.0, worse * weight),
        rows=apart.rows,
        rows_needed=None if passed else _needed(abs(room), apart.spread, apart.rows, look),
        baseline=called,
        anytime_valid=anytime_valid,
    )


def is_new(plan: Plan, number: int, named: str) -> bool:
    """Whether a variant's prompt has no such version to be worse than."""
    ref = f"{plan.variants[number].prompt.name}{named}"
    return named.startswith("@") and ref not in {prompt.ref for prompt in plan.experiment.prompts}


def _needed(distance: float, deviation: float, rows: int, look: Look | None) -> int | None:
    """How many rows would do, more than these; None where no number is likely to."""
    found = rows_to_settle(distance, deviation)
    return max(rows + 1, math.ceil(found * (OFTEN if look else 1.0))) if found else None


def find_base(plan: Plan, number: int, named: str) -> int | None:
    """The baseline's number: the file's, a variant's, or that of a name that shares all else.

    Raises:
        WorkbenchError: the name is nothing of the plan.
    """
    if named == BASELINE:
        return number if number in plan.baselines else plan.baselines[number]
    if is_new(plan, number, named):
        return None
    variant = plan.variants[number]
    ref = f"{variant.prompt.name}{named}" if named.startswith("@") else named
    side = find_side(ref, plan)
    exact = [other for other in side if plan.variants[other].name == ref]
    versions = {prompt.digest for prompt in plan.experiment.prompts if prompt.ref == ref}
    beside = [
        other
        for other in side
        if plan.variants[other].point == variant.point
        and (
            plan.variants[other].model.model.label == variant.model.model.label
            if versions
            else plan.variants[other].prompt.digest == variant.prompt.digest
        )
    ]
    return next(iter([*exact, *beside]), None)
