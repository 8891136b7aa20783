"""Verdicts on differences, and the number of rows that would settle an open one.

    verdicts([difference, …], margins=[0.05, …])
    [Verdict(outcome="better", p=0.012, p_equivalence=0.9, rows_needed=None, detectable=0.08), …]

The differences of one call are a family: their p-values are adjusted (Holm 1979,
https://www.jstor.org/stable/4615733), so that a false "better" or "worse" anywhere among them comes
in 5% of cases at most, however many are compared.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from workbench.stats.pairs import Difference

ALPHA = 0.05
ANYTIME_FACTOR = 2.5  # times as many rows settle it in 80% of cases with anytime-valid tests
POWER = 0.8
BETTER, WORSE, EQUIVALENT = "better", "worse", "equivalent"
INCONCLUSIVE = "not enough evidence"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion from a difference.

    Attributes:
        outcome: `better`, `worse`, `equivalent` (within the margin) or `not enough evidence`.
        p: of no difference, adjusted for the family.
        p_equivalence: of the two one-sided tests for equivalence, adjusted likewise.
        rows_needed: about how many rows would settle it if the difference is what it seems; None
            where it is settled, or where no number of rows is likely to.
        detectable: the least difference that so many rows show in 80% of cases; None where none is.
        reason: why the metric gets no other outcome; empty: it may get one.
    """

    outcome: str
    p: float
    p_equivalence: float
    rows_needed: int | None
    detectable: float | None
    reason: str = ""


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
    equivalence = holm_adjust([difference.p_equivalence(margin) for difference, margin in pairs])
    results = []
    for (difference, margin), p, p_equivalence in zip(pairs, adjusted, equivalence, strict=True):
        outcome, rows_needed = INCONCLUSIVE, None
        if difference.reason:
            results.append(Verdict(outcome, 1.0, 1.0, None, None, difference.reason))
            continue
        if p <= ALPHA:
            outcome = BETTER if (difference.mean > 0) == higher_is_better else WORSE
        elif p_equivalence <= ALPHA:
            outcome = EQUIVALENT
        else:
            rows_needed = _rows_needed(difference, margin, ALPHA / len(family))
        rows = math.floor(difference.rows / _rows_factor(difference))
        detectable = detectable_difference(rows, difference.planning_sd, ALPHA / len(family))
        results.append(Verdict(outcome, p, p_equivalence, rows_needed, detectable))
    return results


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
    effect: float, sd: float, alpha: float = ALPHA, *, is_binary: bool = False
) -> int:
    """The number of pairs that show a difference in 80% of cases.

    The normal quantiles' closed form with Guenther's correction for Student's t (1981,
    https://doi.org/10.1080/00031305.1981.10479363), or, for the exact test of pass or fail, with
    that for counts (Fleiss, Statistical Methods for Rates and Proportions, 1981).

    `sd` is the standard deviation of the rows' differences, `alpha` the level of the two-sided
    test; with `is_binary` each pair is one pass or fail and another.
    """
    z = float(ndtri(1 - alpha / 2))
    rows = ((z + float(ndtri(POWER))) * sd / effect) ** 2
    if is_binary:
        return math.ceil(rows / 4 * (1 + math.sqrt(1 + 4 / (rows * effect))) ** 2)
    return math.ceil(rows + z * z / 2)


def rows_for_equivalence(distance: float, sd: float, alpha: float = ALPHA) -> int:
    """The number of pairs that show in 80% of cases that a difference is within a margin.

    `distance` is the margin less the difference, `alpha` the level of two one-sided tests.
    """
    z = float(ndtri(1 - alpha))
    return math.ceil(((z + float(ndtri((1 + POWER) / 2))) * sd / distance) ** 2 + z * z / 2)


def rows_to_decide(distance: float, sd: float) -> int | None:
    """The number of rows that show in 80% of cases on which side of a bound a mean is.

    None for a distance of 0 from the bound; `sd` is the rows' standard deviation.
    """
    return rows_to_detect(distance, sd, 2 * ALPHA) if distance else None  # one-sided


def detectable_difference(rows: int, sd: float, alpha: float = ALPHA) -> float | None:
    """The least difference that so many pairs show in 80% of cases; None where none is."""
    z = float(ndtri(1 - alpha / 2))
    effective = rows - z * z / 2
    return (z + float(ndtri(POWER))) * sd / math.sqrt(effective) if effective > 0 else None


def _rows_needed(difference: Difference, margin: float, alpha: float) -> int | None:
    """The fewer of the rows that would show the difference, and those that show equivalence."""
    effect, sd = abs(difference.mean), difference.planning_sd
    candidates: list[int] = []
    if effect:
        candidates.append(rows_to_detect(effect, sd, alpha, is_binary=difference.is_binary))
    if margin > effect:
        candidates.append(rows_for_equivalence(margin - effect, sd, alpha))
    if not candidates:
        return None
    return max(difference.rows + 1, math.ceil(_rows_factor(difference) * min(candidates)))


def _rows_factor(difference: Difference) -> float:
    return ANYTIME_FACTOR if difference.anytime_valid else 1.0
