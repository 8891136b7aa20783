"""Scores of the library's evaluators."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score
from workbench.evaluators import label_match as label_match_file
from workbench.evaluators import numeric_answer as numeric_answer_file
from workbench.evaluators import regex_match as regex_match_file
from workbench.evaluators.contains import contains
from workbench.evaluators.exact_match import exact_match
from workbench.evaluators.input_tokens import input_tokens
from workbench.evaluators.json_valid import json_valid
from workbench.evaluators.label_match import label_match
from workbench.evaluators.latency import latency
from workbench.evaluators.numeric_answer import numeric_answer
from workbench.evaluators.output_tokens import output_tokens
from workbench.evaluators.regex_match import regex_match
from workbench.model import Completion, Usage


def wanted(answer: object) -> dict:
    return {"expected_response": answer}


@pytest.mark.parametrize(
    ("outputs", "answer", "settings", "expected"),
    [
        ("Paris", "Paris", {}, True),
        (" Paris\n", "Paris", {}, True),
        ("Paris", " Paris ", {}, True),
        (" Paris", "Paris", {"strip": False}, False),
        ("paris", "Paris", {}, False),
        ("STRASSE", "straße", {"ignore_case": True}, True),
        ("Paris.", "Paris", {}, False),
        ("42", 42, {}, True),
        ("", "", {}, True),
    ],
)
def test_exact_match(outputs, answer, settings, expected):
    assert exact_match(outputs, wanted(answer), **settings) is expected


@pytest.mark.parametrize(
    ("outputs", "answer", "settings", "expected"),
    [
        ("It is PARIS.", "Paris", {}, True),
        ("It is PARIS.", "Paris", {"ignore_case": False}, False),
        ("It is Rome.", "Paris", {}, False),
        ("It is 42.", 42, {}, True),
    ],
)
def test_contains(outputs, answer, settings, expected):
    assert contains(outputs, wanted(answer), **settings) is expected


def test_contains_refuses_what_everything_contains():
    with pytest.raises(WorkbenchError, match="expected_response is '', which every answer"):
        contains("a", wanted(""))


@pytest.mark.parametrize(
    ("outputs", "settings", "expected"),
    [
        ("order 17", {"pattern": r"\d+"}, True),
        ("order", {"pattern": r"\d+"}, False),
        ("order 17", {"pattern": r"\d+", "full": True}, False),
        ("YES", {"pattern": "yes", "full": True, "ignore_case": True}, True),
        ("YES", {"pattern": "yes"}, False),
        ("a\nb", {"pattern": "^b"}, False),
    ],
)
def test_regex_match(outputs, settings, expected):
    assert regex_match(outputs, **settings) is expected


@pytest.mark.parametrize(
    ("outputs", "settings", "expected"),
    [
        ('{"a": [1, null]}', {}, Score(True)),
        (" 17\n", {}, Score(True)),
        ("1" * 5_000, {}, Score(True)),
        ('```json\n{"a": 1}\n```', {}, Score(True)),
        ('```\n{"a": 1}\n```\n', {}, Score(True)),
        (
            '```json\n{"a": 1}\n```',
            {"fenced": False},
            Score(False, reason="Expecting value: line 1 column 1 (char 0)"),
        ),
        (
            'Here: ```json\n{"a": 1}\n```',
            {},
            Score(False, reason="Expecting value: line 1 column 1 (char 0)"),
        ),
        ("", {}, Score(False, reason="Expecting value: line 1 column 1 (char 0)")),
        (
            "{'a': 1}",
            {},
            Score(
                False,
                reason="Expecting property name enclosed in double quotes: "
                "line 1 column 2 (char 1)",
            ),
        ),
        ('{"a": NaN}', {}, Score(False, reason="NaN is not JSON")),
    ],
)
def test_json_valid(outputs, settings, expected):
    assert json_valid(outputs, **settings) == expected


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_everything_json_writes_is_valid(value):
    assert json_valid(json.dumps(value)) == Score(True)


@pytest.mark.parametrize(
    "evaluator",
    [
        lambda answer: exact_match("a", answer),
        lambda answer: contains("a", answer),
        lambda answer: numeric_answer("1", answer),
        lambda answer: label_match("a", answer, labels=["a"]),
    ],
    ids=["exact_match", "contains", "numeric_answer", "label_match"],
)
@pytest.mark.parametrize(
    ("expectations", "message"),
    [
        (
            {},
            "this row has no expected_response\n"
            "  fix: add `expected: COLUMN` to the dataset, or fill in that column",
        ),
        (
            wanted(None),
            "this row has no expected_response\n"
            "  fix: add `expected: COLUMN` to the dataset, or fill in that column",
        ),
        (
            wanted(["a"]),
            "expected_response is ['a'], not a string or a number\n"
            "  fix: write the right answer as a string",
        ),
    ],
)
def test_a_row_without_an_answer_is_an_error(evaluator, expectations, message):
    with pytest.raises(WorkbenchError) as caught:
        evaluator(expectations)
    assert str(caught.value) == message


def test_cost_is_read_from_the_completion():
    reported = Completion("k", "ok", usage=Usage(310, 8), latency_s=0.5)
    unknown = Completion("k", "ok")
    assert [
        [function(completion) for function in (latency, input_tokens, output_tokens)]
        for completion in (reported, unknown)
    ] == [[0.5, 310, 8], [None, None, None]]


@pytest.mark.parametrize(
    ("module", "settings", "message"),
    [
        (
            regex_match_file,
            {"pattern": "(a"},
            "regex_match: pattern '(a' is not a regular expression: missing ), unterminated "
            "subpattern at position 0\n  fix: write it in YAML in single quotes: pattern: '^\\d+$'",
        ),
        (
            numeric_answer_file,
            {"which": "lats"},
            "unknown value of numeric_answer's `which`: 'lats'\n"
            "  fix: did you mean 'last'? known: last, first",
        ),
        (
            numeric_answer_file,
            {"tolerance": -1},
            "numeric_answer: tolerance is -1\n"
            "  fix: write a number from 0: the greatest difference that counts as right",
        ),
        (
            label_match_file,
            {"labels": ["a"], "unparsed": "na"},
            "unknown value of label_match's `unparsed`: 'na'\n  fix: known: not_applicable, wrong",
        ),
        (
            label_match_file,
            {"labels": ["yes", True]},
            "label_match: labels is ['yes', True]\n"
            "  fix: write a list of strings: labels: [positive, negative]",
        ),
        (
            label_match_file,
            {"labels": []},
            "label_match: labels is []\n"
            "  fix: write a list of strings: labels: [positive, negative]",
        ),
        (
            label_match_file,
            {"labels": ["Yes", "yes"]},
            "label_match: duplicate label 'yes'\n  fix: keep one",
        ),
    ],
)
def test_settings_that_mean_nothing_are_found_before_anything_is_judged(module, settings, message):
    with pytest.raises(WorkbenchError) as caught:
        module.check_settings(**settings)
    assert str(caught.value) == message


def test_settings_that_mean_something_pass():
    regex_match_file.check_settings(pattern="^a$", full=True)
    numeric_answer_file.check_settings(tolerance=0.5)
    label_match_file.check_settings(labels=["Yes", "yes"], ignore_case=False)
