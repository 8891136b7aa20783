"""Labels that answers name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluators.label_match import label_match


def wanted(answer: object) -> dict:
    return {"expected_response": answer}


SENTIMENT = ["positive", "negative", "very positive"]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ("positive", Score(True, "positive, expected positive", "right")),
        (" **Positive**.", Score(True, "positive, expected positive", "right")),
        ("Sentiment: POSITIVE", Score(True, "positive, expected positive", "right")),
        ("negative", Score(False, "negative, expected positive", "wrong")),
        (
            "Positive. Nothing negative about it.",
            Score(True, "positive, expected positive", "right"),
        ),
        ("positive\nnegative\npositive", Score(True, "positive, expected positive", "right")),
        ("very  positive", Score(False, "very positive, expected positive", "wrong")),
        ("not positive", Score(True, "positive, expected positive", "right")),
        ("", Score(False, "names no label", "unparsed")),
        ("I can't tell", Score(False, "names no label", "unparsed")),
        ("positively", Score(False, "names no label", "unparsed")),
        ("non-positive", Score(False, "names no label", "unparsed")),
        ("positive or negative", Score(False, "names negative, positive", "unparsed")),
        ("Positive/Negative?", Score(False, "names negative, positive", "unparsed")),
        ("Is it positive? It is negative.", Score(False, "names negative, positive", "unparsed")),
    ],
)
def test_label_match(outputs, expected):
    assert label_match(outputs, wanted("positive"), labels=SENTIMENT) == expected


@pytest.mark.parametrize(
    ("outputs", "settings", "expected"),
    [
        ("hm", {"unparsed": "not_applicable"}, Score(None, "names no label", "unparsed")),
        ("Yes", {"ignore_case": False}, Score(False, "names no label", "unparsed")),
        ("yes", {"ignore_case": False}, Score(True, "yes, expected yes", "right")),
        ("yeſ", {}, Score(True, "yes, expected yes", "right")),
    ],
)
def test_label_match_settings(outputs, settings, expected):
    assert label_match(outputs, wanted("yes"), labels=["yes", "no"], **settings) == expected


def test_an_expected_answer_that_is_no_label_is_an_error():
    with pytest.raises(WorkbenchError, match=r"unknown label \(in expected_response\) 'pos'"):
        label_match("positive", wanted("pos"), labels=SENTIMENT)


@given(st.sampled_from(SENTIMENT), st.sampled_from(SENTIMENT))
def test_a_label_alone_names_itself(label, answer):
    assert label_match(label, wanted(answer), labels=SENTIMENT).value is (label == answer)
