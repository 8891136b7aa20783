"""One evaluator's scores of a variant: some bytes per answer.

column = ScoreColumn(evaluator, 150, texts)
column.put(3, Score(True))      the score of the fourth answer
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.evaluator import Evaluator, Score
from workbench.results.column_score import ColumnScore
from workbench.results.scores import Measure
from workbench.results.types import Row, ScoreCounts
from workbench.stats.jackknife import cluster_groups
from workbench.stats.sample import Clusters, Scale

STATES = (
    *("ok", "truncated", "refused"),
    *("filtered", "empty_output", "invalid_response"),
    *("rejected", "failed"),
)
SCORED = 3  # the first three states are those of scored answers
BILLED = 6  # the first six are those of replies that may cost something
NOT_RUN, NUMBER, CATEGORY, NOT_APPLICABLE, ERROR, IN_COLUMN = range(6)


class TextTable:
    """Interned texts by number; 0 is the empty text."""

    def __init__(self) -> None:
        self._texts = [""]
        self._numbers = {"": 0}

    def number(self, text: str) -> int:
        """Return the text's number, assigning one at first use."""
        if text not in self._numbers:
            self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return self._numbers[text]

    def text(self, number: int) -> str:
        """Return the text with a number."""
        return self._texts[number]

    def count(self, numbers: Sequence[int]) -> Counter[str]:
        """Count each non-empty text, in order of first use."""
        array = np.asarray(numbers, dtype=np.int64)
        counts = Counter(array[array != 0].tolist())
        return Counter({self._texts[n]: count for n, count in counts.items()})


class ScoreColumn:
    """One evaluator's scores, by row number.

    Attributes:
        kinds, values: NUMBER and the number, or a constant that says why there is none.
        column_score: the one score of all answers; None: there is none.
        slice_of: the evaluator of all rows that it is a slice of; empty: it is none.
    """

    def __init__(self, evaluator: Evaluator, rows: int, texts: TextTable) -> None:
        self.traits = evaluator.traits
        self._name, self._coverage = evaluator.name, evaluator.coverage
        self.slice_of = evaluator.slice_of
        self._texts = texts
        self.kinds = bytearray(rows)
        self.values = array("d", [0.0]) * rows
        self._labels = array("q", [0]) * rows  # of an error, its message
        self.column_score: ColumnScore | None = None

    def put_row(self, number: int, row: Row) -> None:
        """Set the score of a row; without one it may be a row that the evaluator is not about."""
        coverage, score = self._coverage, row.scores.get(self._name)
        if score is None and coverage and not coverage.includes(row.cell.example.columns()):
            score = coverage.excluded
        self.put(number, score)

    def put(self, number: int, score: Score | None) -> None:
        """Set the score of an answer; None: it can't be scored."""
        value, label = 0.0, ""
        if score is None:
            kind = NOT_RUN
        elif score.error:
            kind, label = ERROR, score.error
        elif score.value is None:
            kind, label = NOT_APPLICABLE, score.label
        elif isinstance(score.value, str):
            kind, label = CATEGORY, score.value
        else:
            kind, value, label = NUMBER, float(score.value), score.label
        self.kinds[number], self.values[number] = kind, value
        self._labels[number] = self._texts.number(label) if label else 0

    def put_column(self, score: ColumnScore, numbers: Sequence[int]) -> None:
        """Set the one score of all these answers."""
        self.column_score = score
        for position, number in enumerate(numbers):
            if error := score.unread.get(position) or score.error:
                self.put(number, Score(error=error))
            else:
                self.kinds[number] = IN_COLUMN

    def answers_in_column(self) -> list[int]:
        """Return the numbers of the answers that have a share in the one score of all."""
        return self._numbers_of(IN_COLUMN)

    def column_words(self) -> dict[str, Any]:
        """The words about the one score of all answers: `problem` and `reason`."""
        score = self.column_score or ColumnScore(None)
        return {"problem": score.problem, "reason": score.reason}

    def _contributions(self, groups: Clusters, repeats: int) -> dict[int, list[float]]:
        shares = self.column_score.contributions if self.column_score else {}
        values: dict[int, list[float]] = {}
        for number in self.answers_in_column() if shares else ():
            row = number // repeats
            values.setdefault(row, []).append(shares[groups[row]])
        return values

    def measure(self, n: int, clusters: Clusters | None, repeats: int) -> Measure | None:
        """Return the one score of all answers, of `n` rows; None if there is none."""
        score = self.column_score
        if score is None or score.value is None:
            return None
        rows = {number // repeats for number in self.answers_in_column()}
        count = len(rows) if clusters is None else len({clusters[row] for row in rows})
        return Measure(score.value, score.low, score.high, n, count)

    def errors(self) -> Counter[str]:
        """Count the evaluator's error messages."""
        return self._texts.count(self._labels_of(ERROR))

    def groups(self, clusters: Clusters | None, repeats: int) -> Clusters | None:
        """The clusters of rows; of a metric of all answers, the groups of its contributions."""
        if not self.traits.by_column:
            return clusters
        return cluster_groups(clusters, len(self.kinds) // repeats)

    def by_row(self, repeats: int, groups: Clusters | None = None) -> dict[int, list[float]]:
        """The numbers of each dataset row that has one: of its answers, or their contributions.

        `groups` are as of the method of that name.
        """
        if self.traits.by_column:
            return self._contributions(groups or (), repeats)
        numbers = self._numbers_of(NUMBER)
        scores = np.frombuffer(self.values)[numbers].tolist()
        if repeats == 1:
            single = {score: [score] for score in set(scores)}  # rows with equal scores share one
            return {number: single[score] for number, score in zip(numbers, scores, strict=True)}
        values: dict[int, list[float]] = {}
        for number, score in zip(numbers, scores, strict=True):
            values.setdefault(number // repeats, []).append(score)
        return values

    def labels(self) -> list[str]:
        """Return each answer's category, label of its value, or message of its error."""
        return [self._texts.text(number) for number in self._labels]

    def value_rows(self) -> list[int]:
        """Return the numbers of answers with a numeric value, in order."""
        return self._numbers_of(NUMBER)

    @property
    def kind(self) -> str:
        """`pass`, `number`, `category` or `column`; empty without values."""
        if self.traits.by_column:
            return "column"
        if NUMBER not in self.kinds:
            return "category" if CATEGORY in self.kinds else ""
        traits = self.traits
        if traits.kind == "number" or traits.unit or traits.range not in (None, (0, 1)):
            return "number"  # marks may all be 0 and 1 by chance
        scores = np.frombuffer(self.values)[self._numbers_of(NUMBER)]
        return "pass" if ((scores == 0) | (scores == 1)).all() else "number"

    def result_kind(self, scale: Scale) -> str:
        """Return the kind of the metric's result on its scale."""
        if self.kind in ("category", "column"):
            return self.kind
        return "pass" if scale.pass_fail else "number"

    @property
    def _error_kinds(self) -> tuple[int, ...]:
        """A category among numbers is a value of the wrong type."""
        return (ERROR, CATEGORY) if NUMBER in self.kinds else (ERROR,)

    def error_rows(self) -> set[int]:
        """Return the numbers of answers on which the evaluator failed."""
        return set(self._numbers_of(*self._error_kinds))

    def not_applicable_rows(self) -> set[int]:
        """Return the numbers of answers to which the evaluator does not apply."""
        return set(self._numbers_of(NOT_APPLICABLE))

    def outcomes(self) -> dict[str, int]:
        """Count the categories and labelled outcomes, the most frequent first."""
        labels = self._labels_of(NUMBER, CATEGORY, NOT_APPLICABLE)
        return dict(self._texts.count(labels).most_common())

    def counts(self, states: NDArray[np.uint8]) -> ScoreCounts:
        """Count the rows of a table of states, each by the first count that applies to it."""
        kinds = np.frombuffer(self.kinds, np.uint8).reshape(states.shape)
        errors = np.isin(kinds, self._error_kinds)
        counts, rest = [], np.ones(len(states), dtype=bool)
        for cells in (
            np.isin(kinds, (NUMBER, CATEGORY, IN_COLUMN)) & ~errors,
            errors,
            kinds == NOT_APPLICABLE,
            states > SCORED,
        ):
            matches = rest & cells.any(axis=1)
            counts.append(int(matches.sum()))
            rest &= ~matches
        n, errors_n, not_applicable, failed = counts
        return ScoreCounts(n, errors_n, not_applicable, failed, int(rest.sum()))

    def _labels_of(self, *kinds: int) -> list[int]:
        labels: list[int] = np.frombuffer(self._labels, np.int64)[self._numbers_of(*kinds)].tolist()
        return labels

    def _numbers_of(self, *kinds: int) -> list[int]:
        """The numbers of the answers of these kinds, in order."""
        is_kind = np.isin(np.frombuffer(self.kinds, np.uint8), kinds)
        numbers: list[int] = np.flatnonzero(is_kind).tolist()
        return numbers
