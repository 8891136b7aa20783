"""Labels of rows by several raters, counted: what a statistic of their agreement is computed from.

>>> table = rating_table([{"ann": "yes", "bob": "no"}, {"ann": "no", "bob": "yes"}, {"ann": "no"}])
>>> table.labels, table.patterns.tolist(), table.weights.tolist()
(['no', 'yes'], [[1.0, 1.0]], [2.0])

Rows with equal labels are one pattern. A row with one label says nothing on agreement.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from workbench.stats.sample import FloatArray

FEWEST = 2  # rows with two labels, for an interval
MAX_LABELS = 100  # different ones: there is a sum of each in each resample


@dataclass(frozen=True)
class RatingTable:
    """Rows with two labels or more, by how many raters gave each label.

    Attributes:
        labels: in their order, if they have one.
        patterns: distinct counts of the labels, an array of pattern and label.
        weights: rows of each pattern.
        values: of the labels, where they are numbers.
        raters: who gave any label, on any row.
    """

    labels: Sequence[str]
    patterns: FloatArray
    weights: FloatArray
    values: Sequence[float] | None
    raters: int

    @property
    def rows(self) -> int:
        """The number of rows with two labels or more."""
        return int(self.weights.sum())

    @cached_property
    def sizes(self) -> FloatArray:
        """Labels on a row of each pattern."""
        sizes: FloatArray = self.patterns.sum(axis=1)
        return sizes

    @cached_property
    def problem(self) -> str:
        """The reason why no statistic is defined; empty: they may be."""
        if self.raters < 2:
            return "all labels are of one person" if self.raters else "there are no labels"
        if not self.rows:
            return "no row has labels of two people"
        if self.rows < FEWEST:
            return "only one row has labels of two people"
        return too_many_labels(len(self.labels))

    @cached_property
    def only_label(self) -> str | None:
        """The label of all rows; None: there are several."""
        used = np.flatnonzero(self.weights @ self.patterns)
        return self.labels[used[0]] if len(used) == 1 else None


def rating_table(rows: Iterable[Mapping[Any, str]], order: Sequence[str] = ()) -> RatingTable:
    """Count the labels of each row.

    Args:
        rows: of each, the label of each rater who gave one.
        order: of the labels; those that are not in it come last. Without it numbers go by their
            values, all else by the alphabet.
    """
    rows = [row for row in rows if row]
    raters = {rater for row in rows for rater in row}
    numbers = {label: label_number(label) for row in rows for label in row.values()}
    values = {label: value for label, value in numbers.items() if value is not None}
    if len(values) == len(numbers):
        # Of equal numbers, as 1 and 1.0, the first is the label of all.
        first = {value: label for label, value in reversed(values.items())}
        rows = [{rater: first[values[label]] for rater, label in row.items()} for row in rows]
    ranks = {label: rank for rank, label in enumerate(order)}
    labels = sorted(
        {label for row in rows for label in row.values()},
        key=lambda label: (ranks.get(label, len(ranks)), values.get(label, math.inf), label),
    )
    columns = {label: column for column, label in enumerate(labels)}
    paired = [row for row in rows if len(row) > 1]
    distances = [values[label] for label in labels] if len(values) == len(numbers) else None
    if too_many_labels(len(labels)):
        weights = np.array([float(len(paired))])
        return RatingTable(labels, np.zeros((1, 0)), weights, distances, len(raters))
    counts = np.zeros((len(paired), len(labels)))
    for line, row in zip(counts, paired, strict=True):
        for label in row.values():
            line[columns[label]] += 1
    patterns, weights = np.unique(counts, axis=0, return_counts=True)
    return RatingTable(labels, patterns, weights.astype(np.float64), distances, len(raters))


def too_many_labels(labels: int) -> str:
    """The reason why so many different labels have no statistic; empty: they may have."""
    if labels <= MAX_LABELS:
        return ""
    return f"there are {labels:,} different labels, more than {MAX_LABELS}: round numbers"


def label_number(text: str) -> float | None:
    """The number that a label is; None: it is none, or not finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
