"""Numbers and labels that answers name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluators.label_match import label_match
from workbench.evaluators.numeric_answer import numeric_answer


def wanted(answer: object) -> dict:
    return {"expected_response": answer}


RIGHT = [
    ("42", "42"),
    ("The answer is 42.", "42"),
    ("3 + 4 = 7", 7),
    ("**7**", "7"),
    ("It costs $1,234.50 in all", "1234.5"),
    ("$1,234,567", 1234567),
    ("about 50%", "50"),
    ("12kg", "12"),
    ("x = -5", -5),
    ("a loss of -$3", "-3"),
    ("minus sign: −3", "-3"),
    ("10-3", "3"),
    ("2e3", 2000),
    (".5", 0.5),
    ("7.0", "7"),
    ("答案是42", "42"),
    ("so 7.\n#### 12 (from 3 and 4)", "12"),
    ("9 #### none", "9"),
    ("(1) first, (2) second: 30", "30"),
    ("42", "so it is #### 42"),
]


@pytest.mark.parametrize(("outputs", "answer"), RIGHT)
def test_the_right_number_is_found(outputs, answer):
    assert numeric_answer(outputs, wanted(answer)).label == "right"


@pytest.mark.parametrize(
    ("outputs", "answer", "settings", "expected"),
    [
        ("41", "42", {}, Score(False, "41, expected 42", "wrong")),
        ("41", "42", {"tolerance": 1}, Score(True, "41, expected 42", "right")),
        ("1.1", "1.0", {"tolerance": 0.1}, Score(True, "1.1, expected 1.0", "right")),
        ("7, since 3 + 4", "7", {}, Score(False, "4, expected 7", "wrong")),
        ("7, since 3 + 4", "7", {"which": "first"}, Score(True, "7, expected 7", "right")),
        ("none", "7", {}, Score(False, "no number in the answer", "no_number")),
        ("H2O and v1", "7", {}, Score(False, "no number in the answer", "no_number")),
        ("", "7", {}, Score(False, "no number in the answer", "no_number")),
        (
            f"1{'0' * 40}1",
            f"1{'0' * 41}",
            {},
            Score(False, f"1{'0' * 40}1, expected 1{'0' * 41}", "wrong"),
        ),
    ],
)
def test_numeric_answer(outputs, answer, settings, expected):
    assert numeric_answer(outputs, wanted(answer), **settings) == expected


def test_an_expected_answer_without_a_number_is_an_error():
    with pytest.raises(WorkbenchError, match="expected_response 'seven' holds no number"):
        numeric_answer("7", wanted("seven"))


@given(
    st.integers(-(10**12), 10**12), st.sampled_from(["{}", "It is {}.", "{:,}", "**{}** apples"])
)
def test_any_whole_number_is_read_back(number, form):
    assert numeric_answer(form.format(number), wanted(number)).value is True


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
