"""Tables of expected and read answers agree with the metric."""

import pytest

from workbench.comparing.confusion import ConfusionTable
from workbench.dataset.types import Example
from workbench.evaluator import Score
from workbench.evaluators.exact_match import exact_match
from workbench.evaluators.label_match import label_match
from workbench.model import Completion
from workbench.plan import Cell
from workbench.results.types import Row

LABELS = ["positive", "negative"]


def row(expected: object, output: str, score: Score | None, state: str = "ok") -> Row:
    expectations = {} if expected is None else {"expected_response": expected}
    cell = Cell(Example("1", {}, expectations), 0, "k")
    return Row(cell, Completion("k", state, text=output), {"metric": score} if score else {})


def labelled(expected: object, output: str, labels=LABELS, **settings) -> Row:
    expectations = {"expected_response": expected}
    return row(expected, output, label_match(output, expectations, labels=labels, **settings))


def tabled(*rows: Row | None) -> tuple[list[str], list[str], list[list[int]]] | None:
    table = ConfusionTable("metric", 1)
    for counted in rows:
        table.add(0, counted)
    shown = table.as_json()
    return shown and (shown["expected"], shown["columns"], shown["counts"][0])


def test_labels_inside_longer_answers_are_counted_as_the_metric_counts_them():
    rows = [
        labelled("positive", "The review is positive."),
        labelled("positive", "I'd say negative"),
        labelled("positive", "not positive"),
        labelled("negative", "**Negative**, since it is slow."),
        labelled("negative", "no idea"),
        row("negative", "", None, state="failed"),
        row("negative", "negative", Score(error="ValueError")),
        None,
    ]
    assert tabled(*rows) == (
        LABELS,
        [*LABELS, "unparsed", "error", "failed"],
        [[1, 1, 1, 0, 0], [0, 1, 1, 1, 1]],
    )


def test_a_label_that_no_row_expects_has_a_column():
    labels = [*LABELS, "neutral"]
    rows = [labelled("positive", "neutral", labels), labelled("negative", "negative", labels)]
    assert tabled(*rows) == (LABELS, [*LABELS, "neutral"], [[0, 0, 1], [0, 1, 0]])


def test_answers_that_are_left_out_of_the_mean_are_not_applicable():
    rows = [labelled("positive", "hm", unparsed="not_applicable"), labelled("negative", "negative")]
    assert tabled(*rows) == (LABELS, [*LABELS, "not applicable"], [[0, 0, 1], [0, 1, 0]])


def test_an_evaluator_that_tells_no_label_counts_outputs_that_are_one():
    outputs = [("yes", "yes"), ("yes", "No"), ("yes", "Yes"), ("no", "maybe"), ("no", "no")]
    rows = [
        row(expected, output, Score(exact_match(output, {"expected_response": expected})))
        for expected, output in outputs
    ]
    # "Yes" is not "yes" for the metric
    columns = ["yes", "no", "something else"]
    assert tabled(*rows) == (["yes", "no"], columns, [[1, 1, 1], [0, 1, 1]])


def test_booleans_and_numbers_meet_their_labels():
    labels = ["yes", "no"]
    pairs = [(True, "Yes."), (True, "No."), (False, "No."), (False, "Yes.")]
    rows = [labelled(expected, output, labels) for expected, output in pairs]
    assert tabled(*rows) == (["true", "false"], ["true", "false"], [[1, 1], [1, 1]])


def test_of_several_acceptable_answers_the_one_that_was_read_counts():
    rows = [labelled(["positive", "negative"], "negative"), labelled("positive", "positive")]
    assert tabled(*rows) == (["negative", "positive"], ["negative", "positive"], [[1, 0], [0, 1]])


@pytest.mark.parametrize(
    "rows",
    [
        [labelled("positive", "positive")],
        [row(str(n), "1", Score(n == 1)) for n in range(13)],
        [row("a" * 41, "b", Score(False)), row("b", "b", Score(True))],
        [row(None, "b", Score(error="no expected_response"))],
    ],
    ids=["one label", "too many labels", "a long text", "nothing expected"],
)
def test_answers_that_are_no_classes_have_no_table(rows):
    assert tabled(*rows) is None
