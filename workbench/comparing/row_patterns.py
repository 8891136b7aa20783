"""Rows that stand out over all variants: suspect labels, and rows in which no variant differs.

    find_patterns(plan, tallies, variants)
    [RowPatterns("exact_match", strong=(1, 2), suspect=(17, 40), same=(0, 3, 4, …), rows=150)]

A row that every strong variant gets wrong is hard, or its label is wrong: it is worth a look. A row
in which no variant differs costs as much as any other, and doesn't tell which is better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from workbench.comparing.metrics import MetricFamily
from workbench.plan import Plan
from workbench.results.tally import Tally
from workbench.stats.sample import Scale

MIN_STRONG = 2  # variants


@dataclass(frozen=True)
class RowPatterns:
    """The rows of one metric that stand out; rows are numbers in the dataset's order.

    Attributes:
        strong: variants at least as good as the median, and halfway up the range.
        suspect: rows whose answer has the worst score in every strong variant; empty for fewer than
            two.
        same: rows with the same value in every variant.
        rows: rows with a value in every variant.
    """

    metric: str
    strong: tuple[int, ...]
    suspect: tuple[int, ...]
    same: tuple[int, ...]
    rows: int


def find_patterns(
    plan: Plan, tallies: Sequence[Tally], variants: Sequence[int]
) -> list[RowPatterns]:
    """Return the patterns of each metric with numbers, over these variants."""
    evaluators = [e for e in plan.experiment.evaluators if not e.slice_of]
    families = (MetricFamily.build(evaluator, tallies, plan) for evaluator in evaluators)
    return [_patterns(family, variants) for family in families if family.has_row_numbers]


def _patterns(family: MetricFamily, variants: Sequence[int]) -> RowPatterns:
    means: dict[int, dict[int, float]] = {}
    for number in variants:
        values = family.scores[number].values  # a row that failed tells nothing of its label
        means[number] = {row: fmean(scores) for row, scores in values.items() if scores}
    shared = set.intersection(*(set(by_row) for by_row in means.values())) if means else set()
    strong = _strong_variants(means, family.scale)
    worst = family.scale.worst
    suspect: list[int] = []
    if len(strong) >= MIN_STRONG and worst is not None:
        suspect = [row for row in shared if all(means[n][row] == worst for n in strong)]
    same = [row for row in shared if len({by_row[row] for by_row in means.values()}) == 1]
    return RowPatterns(
        metric=family.evaluator.name,
        strong=strong,
        suspect=tuple(sorted(suspect)),
        same=tuple(sorted(same)),
        rows=len(shared),
    )


def _strong_variants(means: dict[int, dict[int, float]], scale: Scale) -> tuple[int, ...]:
    limits = scale.limits
    overall = {number: fmean(by_row.values()) for number, by_row in means.items() if by_row}
    if limits is None or not overall:
        return ()
    sign = 1.0 if scale.higher_is_better else -1.0
    least = max(sign * fmean(limits), median(sign * mean for mean in overall.values()))
    return tuple(number for number, mean in overall.items() if sign * mean >= least)
