"""Tables of expected and read answers of a pass or fail metric, in step with its scores.

{"metric": "label_match", "expected": ["yes", "no"], "columns": ["yes", "no", "unparsed"],
 "counts": [[[40, 9, 1], [5, 45, 0]]]}         by variant, expected label and column
"""

import json
import re
from collections import Counter
from collections.abc import Mapping

from workbench.canonical import JSON, without_point
from workbench.dataset import EXPECTED
from workbench.evaluator import Score
from workbench.results.types import Row

MAX_LABELS = 12  # different expected answers, and other answers, of a table
MAX_LENGTH = 40  # characters of a label
UNPARSED, OTHER, INAPPLICABLE = "unparsed", "something else", "not applicable"
ERROR, FAILED = "error", "failed"
OUTCOMES = (OTHER, UNPARSED, INAPPLICABLE, ERROR, FAILED)


class ConfusionTable:
    """Counts of one metric's answers by expected label and by the label that was read.

    An answer that the metric calls right counts under the expected label, so the diagonal is the
    number of passes. Others count under the label that the evaluator read (`Score.parsed`, else
    the output itself), or under an outcome.

    Attributes:
        reads_labels: True once a score has told what its evaluator read.
    """

    def __init__(self, metric: str, variants: int) -> None:
        self.metric = metric
        self.reads_labels = False
        self._labels: dict[str, str] = {}  # by fold, the expected ones in order of appearance
        self._read: dict[str, str] = {}  # labels that were read, by fold
        self._aliases: dict[str, str] = {}  # of a label that was read, the expected one it equals
        self._counts: list[Counter[tuple[str, str, bool]]] = [Counter() for _ in range(variants)]
        self._fits = True

    def add(self, variant: int, row: Row | None) -> None:
        """Count an answer; one that was not run, or has no expected answer, is left out."""
        if row is None or row.completion is None or not self._fits:
            return
        expected = row.cell.example.expectations.get(EXPECTED)
        entries = [
            _text(entry) for entry in (expected if isinstance(expected, list) else [expected])
        ]
        entries = [entry for entry in entries if entry]
        if not entries:
            return
        score = row.scores.get(self.metric) if row.scored else None
        self.reads_labels |= bool(score and score.parsed)
        parsed = (score and score.parsed) or row.completion.text.strip()[: MAX_LENGTH + 1]
        label = next((entry for entry in entries if _fold(entry) == _fold(parsed)), entries[0])
        fold = _fold(label)
        self._labels.setdefault(fold, label)
        self._fits = len(self._labels) <= MAX_LABELS and len(label) <= MAX_LENGTH
        outcome, is_label = self._outcome(fold, parsed, score)
        self._counts[variant][fold, outcome, is_label] += 1

    def as_json(self) -> Mapping[str, JSON] | None:
        """The table: `counts` by variant, expected label and column; None: it does not fit.

        The columns are the expected labels, other labels that were read, and outcomes.
        """
        if not self._fits or len(self._labels) < 2:
            return None
        totals: Counter[tuple[str, bool]] = Counter()
        counts: list[Counter[tuple[str, tuple[str, bool]]]] = []
        for by_outcome in self._counts:
            counts.append(Counter())
            for (expected, outcome, is_label), count in by_outcome.items():
                column = self._aliases.get(outcome, outcome) if is_label else outcome
                counts[-1][expected, (column, is_label)] += count
                totals[column, is_label] += count
        others = [key for key in totals if key[1] and key[0] not in self._labels]
        fits = self.reads_labels and len(others) <= MAX_LABELS
        fits = fits and all(len(self._read[fold]) <= MAX_LENGTH for fold, _ in others)
        columns = [(fold, True) for fold in self._labels] + (others if fits else [])
        outcomes = [(name, False) for name in OUTCOMES if totals[name, False]]
        if others and not fits and (OTHER, False) not in outcomes:
            outcomes.insert(0, (OTHER, False))
        merged = [] if fits else others
        return {
            "metric": self.metric,
            "expected": list(self._labels.values()),
            "columns": [self._labels.get(fold) or self._read[fold] for fold, _ in columns]
            + [name for name, _ in outcomes],
            "counts": [
                [
                    [
                        table[expected, column]
                        + sum(table[expected, key] for key in merged if column == (OTHER, False))
                        for column in [*columns, *outcomes]
                    ]
                    for expected in self._labels
                ]
                for table in counts
            ],
        }

    def _outcome(self, expected: str, parsed: str, score: Score | None) -> tuple[str, bool]:
        """The column of an answer, and True if it is a label."""
        if score is None:
            return FAILED, False
        if score.error:
            return ERROR, False
        fold = _fold(parsed)
        if score.number:
            if score.parsed:
                self._aliases.setdefault(fold, expected)
            return expected, True
        if score.number is None:
            return INAPPLICABLE, False
        if score.label in ("unparsed", "no_number"):
            return UNPARSED, False
        if not fold or self._aliases.get(fold, fold) == expected:
            return OTHER, False
        self._read.setdefault(fold, parsed)
        return fold, True


def _text(value: JSON) -> str:
    """An expected answer as a label."""
    text = "" if value is None else json.dumps(without_point(value))
    return value.strip() if isinstance(value, str) else text


def _fold(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.strip().casefold()))
