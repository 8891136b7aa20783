"""Variance components: how much scores vary between rows, between answers, and between judgements.

>>> values = {row: [float(row % 2), float(row % 2)] for row in range(20)}
>>> parts = variance_components(values)
>>> round(parts.rows, 3), parts.answers                 # the answers of a row agree
(0.263, 0.0)
>>> parts.sd(repeats=1) == parts.sd(repeats=4)          # so repeats do not pay
True

One-way random effects by the method of moments, for unequal numbers of answers (Searle, Casella and
McCulloch, Variance Components, 1992, chapter 3). The answers of a row with the same text, judged
more than once, separate the judge from the model.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.stats.sample import Clusters, RowValues, cluster_numbers, row_means
from workbench.stats.special_functions import chdtri

ASSURANCE = 0.8  # probability that the planned standard deviation is not below the true one
MIN_ROWS = 2  # with two answers each, so that answers are told from rows
RowTexts = Mapping[int, Sequence[Hashable]]  # dataset row -> the text behind each of its values


@dataclass(frozen=True, slots=True)
class Components:
    """Variance of a metric by its source, in the metric's unit squared.

    Attributes:
        rows: between the rows' expected scores; None without repeats: not told from the answers.
        answers: between answers to a row, judgements excepted; without repeats, all variance.
        judge: between judgements of one answer; None: no answer was judged twice.
    """

    rows: float | None
    answers: float
    judge: float | None = None

    @property
    def total(self) -> float:
        """Variance of a single score."""
        return (self.rows or 0.0) + self.answers + (self.judge or 0.0)

    def shares(self) -> dict[str, float]:
        """Return each source's share of the variance, 0 to 1; empty without variance or repeats."""
        if self.rows is None or not self.total:
            return {}
        parts = {"rows": self.rows, "answers": self.answers, "judge": self.judge}
        return {name: part / self.total for name, part in parts.items() if part is not None}

    def sd(self, repeats: int) -> float:
        """Return the standard deviation of a row's mean over so many repeats.

        Raises:
            ValueError: more than one repeat, and the rows' variance is unknown.
        """
        if self.rows is None:
            if repeats > 1:
                raise ValueError("the variance between rows is unknown without repeats")
            return math.sqrt(self.total)
        return math.sqrt(self.rows + (self.answers + (self.judge or 0.0)) / repeats)


def variance_components(values: RowValues, texts: RowTexts | None = None) -> Components | None:
    """Return the components of one variant's scores; None for fewer than two rows.

    `texts` has the answer behind each value, for an evaluator that may judge it differently.
    """
    rows = [row for row, scores in values.items() if scores]
    if len(rows) < MIN_ROWS:
        return None
    means = np.array([np.mean(values[row]) for row in rows])
    counts = np.array([len(values[row]) for row in rows])
    spread = float(means.var(ddof=1))
    repeated = [row for row in rows if len(values[row]) > 1]
    if len(repeated) < MIN_ROWS:
        return Components(None, spread)
    within = _pooled_variance([values[row] for row in repeated])
    # The spread of the means holds the answers' variance over the harmonic mean of their number.
    between = max(0.0, spread - within * float(np.mean(1 / counts)))
    components = Components(between, within)
    judge = None if texts is None else _judge_variance(values, texts, repeated)
    if judge is None:
        return components
    judge = min(judge, within)
    return replace(components, answers=within - judge, judge=judge)


def difference_components(first: RowValues, second: RowValues) -> Components | None:
    """Return the components of a paired difference, over the rows that both have values of."""
    rows = [row for row in first if first[row] and second.get(row)]
    if len(rows) < MIN_ROWS:
        return None
    differences = np.array([np.mean(second[row]) - np.mean(first[row]) for row in rows])
    spread, within, noise = float(differences.var(ddof=1)), 0.0, 0.0
    for values in (first, second):
        repeated = [values[row] for row in rows if len(values[row]) > 1]
        if len(repeated) < MIN_ROWS:
            return Components(None, spread)
        variance = _pooled_variance(repeated)
        within += variance
        noise += variance * float(np.mean([1 / len(values[row]) for row in rows]))
    return Components(max(0.0, spread - noise), within)


def design_effect(first: RowValues, second: RowValues, clusters: Clusters) -> tuple[float, int]:
    """Return the factor on a difference's variance by dependent rows, and the number of clusters.

    The factor is the cluster-robust variance of the mean difference over that of independent rows
    (Kish, Survey Sampling, 1965), 1 or more.
    """
    rows = [row for row in first if first[row] and second.get(row)]
    numbers = cluster_numbers(rows, clusters)
    groups = int(numbers.max(initial=-1)) + 1
    differences = row_means(second, rows) - row_means(first, rows)
    deviations = differences - differences.mean()
    sums = np.bincount(numbers, deviations)
    independent = float(deviations @ deviations) * len(rows) / (len(rows) - 1)
    if groups < 2 or not independent:
        return 1.0, groups
    robust = float(sums @ sums) * groups / (groups - 1)
    return max(1.0, robust / independent), groups


def assured_components(pilot: Components, rows: int, factor: float = 1.0) -> Components:
    """Return components to plan with: the upper end of a pilot's one-sided 80% interval.

    A sample planned with them has its power with that probability (Browne 1995,
    https://doi.org/10.1002/sim.4780141709). `rows` is the number of the pilot's independent rows,
    `factor` their design effect.
    """
    factor *= (rows - 1) / float(chdtri(rows - 1, ASSURANCE))
    scaled = [None if part is None else part * factor for part in (pilot.rows, pilot.judge)]
    return Components(scaled[0], pilot.answers * factor, scaled[1])


def _judge_variance(values: RowValues, texts: RowTexts, rows: Sequence[int]) -> float | None:
    """Pooled variance of the scores of equal answers of a row; None: no answer came twice."""
    groups: list[list[float]] = []
    for row in rows:
        by_text: dict[Hashable, list[float]] = {}
        for text, value in zip(texts[row], values[row], strict=True):
            by_text.setdefault(text, []).append(value)
        groups += [scores for scores in by_text.values() if len(scores) > 1]
    return _pooled_variance(groups) if len(groups) >= MIN_ROWS else None


def _pooled_variance(groups: Sequence[Sequence[float]]) -> float:
    squares = sum(float(np.var(scores)) * len(scores) for scores in groups)
    return squares / sum(len(scores) - 1 for scores in groups)
