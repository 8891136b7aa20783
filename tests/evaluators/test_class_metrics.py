"""Metrics of the classes of all rows: macro F1, balanced accuracy."""

import random
from collections.abc import Callable

import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluators._classes import class_rates, read_class, unseen_pairs
from workbench.evaluators.balanced_accuracy import balanced_accuracy
from workbench.evaluators.macro_f1 import macro_f1

LABELS = ["spam", "ham", "unsure"]
Metric = Callable[..., Score]


@pytest.mark.parametrize("metric", [macro_f1, balanced_accuracy])
def test_values_are_those_of_scikit_learn(metric: Metric) -> None:
    draw = random.Random(7)
    for _ in range(1_000):
        rows = draw.randint(2, 40)
        answers = [*LABELS, ""] if draw.random() < 0.7 else LABELS
        pairs = [(draw.choice(LABELS), draw.choice(answers)) for _ in range(rows)]
        expected, answered = ([pair[n] for pair in pairs] for n in (0, 1))
        if len(set(expected)) < 2:
            continue
        if metric is macro_f1:
            present = sorted({*expected, *answered} - {""})
            value = f1_score(expected, answered, labels=present, average="macro")
        else:
            found = [(e, a or "none") for e, a in pairs]
            value = balanced_accuracy_score(*zip(*found, strict=True))
        assert metric(pairs, labels=LABELS).value == pytest.approx(value), pairs


@pytest.mark.parametrize(
    ("output", "expected", "pair"),
    [
        ("Spam.", "spam", ("spam", "spam")),
        ("It is ham", "spam", ("spam", "ham")),
        ("spam or ham", "ham", ("ham", "")),
        ("", "unsure", ("unsure", "")),
        ("not spam", "ham", ("ham", "")),
        ("HAM", ["ham"], ("ham", "ham")),
    ],
)
def test_a_row_is_read_as_label_match_reads_it(
    output: str, expected: object, pair: tuple[str, str]
) -> None:
    assert read_class(output, {"expected_response": expected}, labels=LABELS) == pair


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (["spam", "ham"], "expected_response is a list, and a row of a class has one right answer"),
        ("egg", "unknown label (in expected_response) 'egg'"),
        (None, "this row has no expected_response"),
    ],
)
def test_a_row_without_one_class_is_an_error(expected: object, message: str) -> None:
    with pytest.raises(WorkbenchError) as refused:
        read_class("spam", {"expected_response": expected}, labels=LABELS)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("metric", [macro_f1, balanced_accuracy])
def test_one_class_alone_is_refused_with_its_name(metric: Metric) -> None:
    with pytest.raises(ValueError, match="all rows expect 'ham'; a metric of classes needs two"):
        metric([("ham", "ham"), ("ham", "spam")], labels=LABELS)


def test_the_reason_is_a_table_of_the_classes() -> None:
    pairs = [("spam", "spam"), ("spam", "ham"), ("ham", "ham")]
    assert macro_f1(pairs, labels=LABELS).reason == (
        "spam: precision 1.00, recall 0.50, F1 0.67 (2 rows); "
        "ham: precision 0.50, recall 1.00, F1 0.67 (1 rows); "
        "unsure: precision –, recall –, F1 – (0 rows)"
    )
    assert class_rates(pairs, LABELS)["unsure"].f1 is None


def test_errors_and_passes_that_a_class_lacks_may_be_missing_by_chance() -> None:
    pairs = [("spam", "spam"), ("spam", "ham"), ("ham", "ham"), ("unsure", "ham")]
    assert unseen_pairs(pairs) == [("ham", ""), ("unsure", "unsure")]
