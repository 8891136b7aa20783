"""From differences to words, and how many rows would settle what isn't.

verdicts([first, second], Wanted(margin=0.05))
    ->  [Verdict("better", p=0.012, …), Verdict("not enough evidence", rows_needed=420, …)]

The differences given together are a family: their p are adjusted (Holm 1979,
https://www.jstor.org/stable/4615733), so that a false "better" or "worse" anywhere among them comes
in 5% of cases at the most, however many are compared.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from workbench.stats.pairs import Difference

ALPHA = 0.05
OFTEN = 2.5  # times as many rows settle it in 80% of cases where they are looked at again and again
POWER = 0.8
BETTER, WORSE, EQUIVALENT = "better", "worse", "equivalent"
INCONCLUSIVE = "not enough evidence"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a difference is judged by.

    Attributes:
        margin: what is no difference in practice, in the metric's own unit; 0: any is.
        higher_is_better: else lower is.
    """

    margin: float = 0.0
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said of a difference.

    Attributes:
        word: `better`, `worse`, `equivalent` (within the margin) or `not enough evidence`.
        p: of the test, adjusted for the family.
        p_equivalence: of the two one-sided tests for equivalence, adjusted likewise.
        rows_needed: about how many rows would settle it if the difference is what it seems; None
            where it is settled, or where no number of rows is likely to.
        least: the least difference that so many rows show in 80% of cases.
    """

    outcome: str
    p: float
    p_equivalence: float
    rows_needed: int | None
    detectable: float | None


def verdicts(family: Sequence[Difference], wanted: Wanted) -> list[Verdict]:
    """What may be said of each, all of them being one family."""
    apart = holm([one.p for one in family])
    within = holm([one.within(wanted.margin) for one in family])
    return [
        _verdict(one, p, p_equivalence, wanted, ALPHA / len(family))
        for one, p, p_equivalence in zip(family, apart, within, strict=True)
    ]


def holm(family: Sequence[float]) -> list[float]:
    """These p adjusted, in their own order."""
    adjusted, least = [0.0] * len(family), 0.0
    for rank, index in enumerate(sorted(range(len(family)), key=family.__getitem__)):
        least = max(least, min(1.0, family[index] * (len(family) - rank)))
        adjusted[index] = least
    return adjusted


def rows_to_show(
    effect: float, deviation: float, alpha: float = ALPHA, *, counted: bool = False
) -> int:
    """How many pairs show a difference in 80% of cases.

    The normal quantiles' closed form with Guenther's correction for Student's t (1981,
    https://doi.org/10.1080/00031305.1981.10479363), or, for the exact test of pass or fail, with
    that for counts (Fleiss, Statistical Methods for Rates and Proportions, 1981).

    Args:
        effect: the difference.
        deviation: of the rows' differences.
        alpha: of both sides together.
        counted: each pair is of one pass or fail and another.
    """
    z = float(ndtri(1 - alpha / 2))
    rows = ((z + float(ndtri(POWER))) * deviation / effect) ** 2
    if counted:
        return math.ceil(rows / 4 * (1 + math.sqrt(1 + 4 / (rows * effect))) ** 2)
    return math.ceil(rows + z * z / 2)


def rows_to_exclude(room: float, deviation: float, alpha: float = ALPHA) -> int:
    """How many pairs show in 80% of cases that a difference stays within a margin.

    Args:
        room: the margin less the difference.
        deviation: of the rows' differences.
        alpha: of either side.
    """
    z = float(ndtri(1 - alpha))
    return math.ceil(((z + float(ndtri((1 + POWER) / 2))) * deviation / room) ** 2 + z * z / 2)


def rows_to_settle(distance: float, deviation: float) -> int | None:
    """How many pairs show in 80% of cases that a mean is beyond a bound; None where it is on it.

    Args:
        distance: of the mean from the bound.
        deviation: of the rows.
    """
    z = float(ndtri(1 - ALPHA))
    if not distance:
        return None
    return math.ceil(((z + float(ndtri(POWER))) * deviation / distance) ** 2 + z * z / 2)


def least_shown(rows: int, deviation: float, alpha: float = ALPHA) -> float | None:
    """The least difference that so many pairs show in 80% of cases; None where none is."""
    z = float(ndtri(1 - alpha / 2))
    worth = rows - z * z / 2
    return (z + float(ndtri(POWER))) * deviation / math.sqrt(worth) if worth > 0 else None


def _verdict(
    one: Difference, p: float, p_equivalence: float, wanted: Wanted, alpha: float
) -> Verdict:
    least = least_shown(math.floor(one.rows / _times(one)), one.spread, alpha)
    if p <= ALPHA:
        up = one.mean > 0
        return Verdict(
            BETTER if up == wanted.higher_is_better else WORSE, p, p_equivalence, None, least
        )
    if p_equivalence <= ALPHA:
        return Verdict(EQUIVALENT, p, p_equivalence, None, least)
    return Verdict(INCONCLUSIVE, p, p_equivalence, _needed(one, wanted, alpha), least)


def _needed(one: Difference, wanted: Wanted, alpha: float) -> int | None:
    """The fewer of the rows that would show the difference, and those that would exclude one."""
    found: list[int] = []
    if one.mean:
        found.append(rows_to_show(abs(one.mean), one.spread, alpha, counted=one.is_counted))
    if wanted.margin > abs(one.mean):
        found.append(rows_to_exclude(wanted.margin - abs(one.mean), one.spread, alpha))
    return max(one.rows + 1, math.ceil(_times(one) * min(found))) if found else None


def _times(one: Difference) -> float:
    return OFTEN if one.anytime_valid else 1.0
