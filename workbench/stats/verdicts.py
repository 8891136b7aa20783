"""Verdicts on differences, and the number of rows that would settle an open one.

    verdicts([difference, …], margins=[0.05, …])
    [Verdict(outcome="better", p=0.012, p_equivalence=0.9, rows_needed=None, detectable=0.08), …]

The differences of one call are a family: their p-values are adjusted (Holm 1979,
https://www.jstor.org/stable/4615733), so that a false "better" or "worse" anywhere among them comes
in 5% of cases at most, however many are compared. Each metric is a family of its own.

An open verdict says how many rows would settle it. The difference seen is too uncertain to plan by
it alone: the number of rows for it settles about half of the cases. So the plan is by the margin:
with so many rows every difference is significant, or within the margin, or both.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.stats.agreement import ALPHA
from workbench.stats.pairs import Difference
from workbench.stats.special_functions import betaincinv, chdtri, ndtri

ANYTIME_FACTOR = 2.5  # times as many rows settle it in 80% of cases with anytime-valid tests
MIN_DISTANCE = 1e-3  # of a standard deviation
POWER = 0.8
ASSURANCE = 0.8  # probability that the standard deviation planned with is not below the true one
BETTER, WORSE, EQUIVALENT = "better", "worse", "equivalent"
INCONCLUSIVE, NO_VERDICT = "not enough evidence", "no verdict"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion from a difference.

    Attributes:
        outcome: `better`, `worse`, `equivalent` (within the margin) or `not enough evidence`.
        p: of no difference, adjusted for the family.
        p_equivalence: of the two one-sided tests for equivalence, adjusted likewise.
        rows_needed: about how many rows would settle it, whatever the difference is; None where it
            is settled, and without a margin.
        detectable: the least difference that so many rows show in 80% of cases; None where none is.
        reason: why the metric gets no other outcome; empty: it may get one.
        alone: the outcome without the adjustment for the family, where it is another; else empty.
        rows_needed_low: how many would settle it in 80% of cases if the difference is just what it
            seems; None where it is settled, or where no number is likely to.
    """

    outcome: str
    p: float
    p_equivalence: float
    rows_needed: int | None
    detectable: float | None
    reason: str = ""
    rows_needed_low: int | None = None
    alone: str = ""

    @property
    def conclusion(self) -> str:
        """The outcome, or `no verdict` where a reason forbids one, whatever the interval is."""
        return NO_VERDICT if self.reason else self.outcome

    @property
    def text(self) -> str:
        """The conclusion: `not enough evidence (Holm; alone better)` where the family decides."""
        alone = f" (Holm; alone {self.alone})" if self.alone and not self.reason else ""
        return self.conclusion + alone

    @property
    def word(self) -> str:
        """The outcome in a table: `better`, `worse`, `equivalent`, `unclear` or `no verdict`."""
        if self.reason:
            return NO_VERDICT
        return "unclear" if self.outcome == INCONCLUSIVE else self.outcome


def verdicts(
    family: Sequence[Difference], *, margins: Sequence[float] = (), higher_is_better: bool = True
) -> list[Verdict]:
    """The verdict on each difference of a family.

    A difference of its margin at most, in the metric's own unit, doesn't matter; without margins
    all do.
    """
    adjusted = holm_adjust([difference.p for difference in family])
    margins = margins or [0.0] * len(family)
    pairs = list(zip(family, margins, strict=True))
    alone = [(difference.p, difference.p_equivalence(margin)) for difference, margin in pairs]
    equivalence = holm_adjust([p_equivalence for _, p_equivalence in alone])
    alpha = ALPHA / max(1, len(family))
    results = []
    for (difference, margin), p_values, p, p_equivalence in zip(
        pairs, alone, adjusted, equivalence, strict=True
    ):
        outcome, rows_needed, rows_needed_low = INCONCLUSIVE, None, None
        if difference.reason:
            results.append(Verdict(outcome, 1.0, 1.0, None, None, difference.reason))
            continue
        is_better = (difference.mean > 0) == higher_is_better
        outcome = _outcome(p, p_equivalence, is_better)
        unadjusted = _outcome(*p_values, is_better)
        if outcome == INCONCLUSIVE and not difference.corrected:
            rows_needed_low, rows_needed = _rows_needed(difference, margin, alpha)
        rows = math.floor(difference.rows / _rows_factor(difference))
        detectable = detectable_difference(
            rows, difference.planning_sd, alpha, unseen=difference.unseen
        )
        if difference.corrected or (difference.has_range and (detectable or 0) > difference.width):
            detectable = None  # labels decide, or no difference is as great
        results.append(
            Verdict(
                outcome,
                p,
                p_equivalence,
                rows_needed,
                detectable,
                rows_needed_low=rows_needed_low,
                alone=unadjusted if unadjusted != outcome else "",
            )
        )
    return results


def _outcome(p: float, p_equivalence: float, is_better: bool) -> str:
    if p <= ALPHA:
        return BETTER if is_better else WORSE
    return EQUIVALENT if p_equivalence <= ALPHA else INCONCLUSIVE


def holm_adjust(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for each other, in the same order.

    >>> holm_adjust([0.03, 0.01])
    [0.03, 0.02]
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[index] * (len(p_values) - rank)))
        adjusted[index] = least
    return adjusted


def rows_to_detect(
    effect: float,
    sd: float,
    alpha: float = ALPHA,
    *,
    is_binary: bool = False,
    unseen: float = 0.0,
) -> int:
    """The number of pairs that show a difference in 80% of cases.

    The normal quantiles' closed form with Guenther's correction for Student's t (1981,
    https://doi.org/10.1080/00031305.1981.10479363), or, for the exact test of pass or fail, with
    that for counts (Fleiss, Statistical Methods for Rates and Proportions, 1981).

    `sd` is the standard deviation of the rows' differences, `alpha` the level of the two-sided
    test; with `is_binary` each pair is one pass or fail and another. `unseen` is the difference
    that the tests assume not to have been seen, as of `Difference`: the metric's range for numbers
    and repeats.
    """
    z, power = float(ndtri(1 - alpha / 2)), float(ndtri(POWER))
    rows = ((z + power) * sd / effect) ** 2
    if is_binary:
        return math.ceil(rows / 4 * (1 + math.sqrt(1 + 4 / (rows * effect))) ** 2)
    z_single = float(ndtri(1 - alpha))
    return math.ceil(max(rows + z * z / 2, _rows_beyond(effect, sd, z_single + power, unseen)))


def rows_for_equivalence(
    distance: float, sd: float, alpha: float = ALPHA, *, unseen: float = 0.0
) -> int:
    """The number of pairs that show in 80% of cases that a difference is within a margin.

    `distance` is the margin less the difference, `alpha` the level of two one-sided tests, `unseen`
    as of `rows_to_detect`.
    """
    z = float(ndtri(1 - alpha))
    quantile = z + float(ndtri((1 + POWER) / 2))
    return math.ceil(_rows_beyond(distance, sd, quantile, unseen) + z * z / 2)


def rows_to_decide(distance: float, sd: float, unseen: float = 0.0) -> int | None:
    """The number of rows that show in 80% of cases on which side of a bound a mean is.

    None for a mean at the bound, up to a thousandth of `sd`: no number is likely to. `sd` is the
    rows' standard deviation, `unseen` as of `rows_to_detect`.
    """
    if distance <= MIN_DISTANCE * sd:
        return None
    return rows_to_detect(distance, sd, 2 * ALPHA, unseen=unseen)  # one-sided


def detectable_difference(
    rows: int, sd: float, alpha: float = ALPHA, *, unseen: float = 0.0
) -> float | None:
    """The least difference that so many pairs show in 80% of cases; None where none is."""
    z, power = float(ndtri(1 - alpha / 2)), float(ndtri(POWER))
    effective = rows - z * z / 2
    if effective <= 0:
        return None
    return max(
        (z + power) * sd / math.sqrt(effective),
        _reach(rows, sd, float(ndtri(1 - alpha)) + power, unseen),
    )


def _reach(rows: float, sd: float, quantile: float, unseen: float) -> float:
    """The mean difference so many standard errors from 0, if `unseen` is added to the sample."""
    return (unseen + quantile * math.hypot(sd * math.sqrt(rows), unseen)) / rows


def _rows_beyond(effect: float, sd: float, quantile: float, unseen: float) -> float:
    """The number of rows for which `_reach` is the effect."""
    linear = 2 * effect * unseen + (quantile * sd) ** 2
    root = max(linear**2 - 4 * (effect * unseen) ** 2 * (1 - quantile**2), 0.0)
    return (linear + math.sqrt(root)) / (2 * effect**2)


def _rows_needed(
    difference: Difference, margin: float, alpha: float
) -> tuple[int | None, int | None]:
    """The rows that would settle it if the difference is what it seems, and whatever it is."""
    least, factor = difference.rows + 1, _rows_factor(difference)
    sd, unseen = difference.planning_sd, difference.unseen
    effect = abs(difference.mean)
    candidates: list[int] = []
    if effect:
        binary = difference.is_binary
        candidates.append(rows_to_detect(effect, sd, alpha, is_binary=binary, unseen=unseen))
    if margin > effect:
        candidates.append(rows_for_equivalence(margin - effect, sd, alpha, unseen=unseen))
    low = max(least, math.ceil(factor * min(candidates))) if candidates else None
    if not margin:
        return low, None
    high = max(
        least, math.ceil(factor * _rows_to_settle(margin, _upper_sd(difference), alpha, unseen))
    )
    return min(low or high, high), high


def _upper_sd(difference: Difference) -> float:
    """The upper end of the standard deviation's one-sided 80% interval.

    Of pass or fail that of the share of rows that differ (Clopper & Pearson 1934), of numbers that
    of normal ones.
    """
    if difference.is_binary:
        differing = difference.up + difference.down
        share = betaincinv(differing + 1, difference.rows - differing, ASSURANCE)
        return math.sqrt(share) if differing < difference.rows else 1.0
    freedom = max(1, difference.clusters - 1)
    return difference.planning_sd * math.sqrt(freedom / float(chdtri(freedom, ASSURANCE)))


def _rows_to_settle(margin: float, sd: float, alpha: float, unseen: float) -> int:
    """The number of pairs with which every difference is significant or within the margin."""
    z, z_single = float(ndtri(1 - alpha / 2)), float(ndtri(1 - alpha))

    def is_settled(rows: int) -> bool:
        within = margin - _reach(rows, sd, z_single, unseen)  # differences up to here are
        return within >= max(z * sd / math.sqrt(rows), margin - within)

    most = 2
    while not is_settled(most):
        most *= 2
    return bisect_left(range(most), True, key=is_settled, lo=1)


def _rows_factor(difference: Difference) -> float:
    return ANYTIME_FACTOR if difference.anytime_valid else 1.0
