"""Expected and answered classes of rows, for metrics of a whole run.

>>> read_class("Not sure.", {"expected_response": "spam"}, labels=["spam", "ham"])
('spam', '')
>>> class_rates([("spam", "spam"), ("ham", "spam")], ["spam", "ham"])["spam"].precision
0.5
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.evaluators._expected import expected_answers
from workbench.evaluators.label_match import label_match

Pair = tuple[str, str]  # the expected class, and the answered one; empty: the answer names none


def read_class(
    outputs: str,
    expectations: Mapping[str, JSON],
    *,
    labels: Sequence[str],
    ignore_case: bool = True,
    normalize: JSON = None,
) -> Pair:
    """The class of a row, and the one that the answer names, as `label_match` reads it.

    Raises:
        WorkbenchError: the row has several right answers, or one that is no label.
    """
    if len(expected_answers(expectations)) > 1:
        message = "expected_response is a list, and a row of a class has one right answer"
        raise WorkbenchError(message, fix="use label_match, where any of a list is right")
    settings = {"labels": labels, "ignore_case": ignore_case, "normalize": normalize}
    score = label_match(outputs, expectations, **settings)
    (expected,) = (
        label for label in labels if label_match(label, expectations, **settings).label == "right"
    )
    return expected, score.parsed


@dataclass(frozen=True)
class ClassRates:
    """The rows and answers of one class.

    Attributes:
        rows: that have this class.
        answers: that name it.
        right: that do both.
    """

    rows: int
    answers: int
    right: int

    @property
    def precision(self) -> float | None:
        """The share of its answers that are right; None: there is none."""
        return self.right / self.answers if self.answers else None

    @property
    def recall(self) -> float | None:
        """The share of its rows that are found; None: there is none."""
        return self.right / self.rows if self.rows else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of both; None: no row has it, and no answer names it."""
        count = self.rows + self.answers
        return 2 * self.right / count if count else None


def class_rates(pairs: Sequence[Pair], labels: Sequence[str]) -> dict[str, ClassRates]:
    """The rates of each label, in this order."""
    counts = Counter(pairs)
    rates: dict[str, ClassRates] = {}
    for label in labels:
        rows = sum(n for (expected, _), n in counts.items() if expected == label)
        answers = sum(n for (_, answered), n in counts.items() if answered == label)
        rates[label] = ClassRates(rows, answers, counts[label, label])
    return rates


def unseen_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """An error in each class that has none, and a right answer in each that has nothing else."""
    labels = list(dict.fromkeys(expected for expected, _ in pairs))
    rates = class_rates(pairs, labels)
    unseen = [(label, "") for label, each in rates.items() if each.right == each.rows]
    return unseen + [(label, label) for label, each in rates.items() if not each.right]


def require_classes(rates: Mapping[str, ClassRates]) -> None:
    """Check that rows have at least two classes, without which a metric of classes says nothing.

    Raises:
        ValueError: they have one only.
    """
    classes = [label for label, each in rates.items() if each.rows]
    if len(classes) < 2:
        raise ValueError(f"all rows expect {''.join(classes)!r}; a metric of classes needs two")


def rates_text(rates: Mapping[str, ClassRates]) -> str:
    """A table of classes in a line: `spam: precision 0.91, recall 0.80, F1 0.85 (40 rows)`."""
    return "; ".join(
        f"{label}: precision {_share(each.precision)}, recall {_share(each.recall)}, "
        f"F1 {_share(each.f1)} ({each.rows:,} rows)"
        for label, each in rates.items()
    )


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
