"""Texts and patterns that an answer must have or must not have."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import expected_check, expected_use, load_evaluator
from workbench.evaluators.contains import contains
from workbench.evaluators.ends_with import ends_with
from workbench.evaluators.regex_match import regex_match
from workbench.evaluators.starts_with import starts_with

ROOT = Path("/nowhere")
EVALUATORS = {"contains": contains, "starts_with": starts_with, "ends_with": ends_with}


@pytest.mark.parametrize(
    ("name", "outputs", "answer", "settings", "score"),
    [
        ("contains", "In Rome.", ["Paris", "Rome"], {}, Score(True)),
        ("contains", "In Oslo.", "Paris", {}, Score(False, "missing: Paris")),
        (
            "contains",
            "In Oslo.",
            ["Paris", "Rome"],
            {},
            Score(False, "missing: any of Paris, Rome"),
        ),
        ("contains", "In Rome.", None, {"texts": ["rome"]}, Score(True)),
        ("contains", "In Rome.", "Paris", {"texts": ["rome"]}, Score(True)),
        ("contains", "a b", None, {"texts": ["a", "b"], "match": "all"}, Score(True)),
        (
            "contains",
            "a",
            None,
            {"texts": ["a", "b", "c"], "match": "all"},
            Score(False, "missing: b, c"),
        ),
        ("contains", "x", None, {"texts": ["a", "b"], "match": "none"}, Score(True)),
        (
            "contains",
            "xb",
            None,
            {"texts": ["a", "b"], "match": "none"},
            Score(False, "must not be there: b"),
        ),
        ("contains", "Yes.", [True, 4.0], {"match": "all"}, Score(False, "missing: 4")),
        ("contains", "Yes: 4.", [True, 4.0], {"match": "all"}, Score(True)),
        ("contains", "don’t", None, {"texts": ["don't"]}, Score(True)),
        (
            "contains",
            "",
            None,
            {"texts": [*"abcdef"], "match": "all"},
            Score(False, "missing: a, b, c, d and 2 more"),
        ),
        ("contains", "", None, {"texts": ["a" * 99]}, Score(False, f"missing: {'a' * 60}…")),
        ("starts_with", " Paris, of course", "paris", {}, Score(True)),
        ("starts_with", "PARIS", "paris", {"ignore_case": False}, None),
        ("starts_with", "In Paris", "Paris", {}, Score(False, "missing at the start: Paris")),
        ("starts_with", "Yes, it is", True, {}, Score(True)),
        ("starts_with", "Yesterday", True, {}, Score(False, "missing at the start: true")),
        ("starts_with", "42 is it", [41, 42], {}, Score(True)),
        ("starts_with", "“Oh", None, {"texts": ['"oh']}, Score(True)),
        (
            "starts_with",
            "Sure! Here",
            None,
            {"texts": ["Sure", "Certainly"], "match": "none"},
            Score(False, "must not be at the start: Sure"),
        ),
        ("ends_with", "In Paris \n", "paris", {}, Score(True)),
        ("ends_with", "Paris.", "Paris", {}, Score(False, "missing at the end: Paris")),
        ("ends_with", "**Paris.**", "Paris", {"normalize": {"punctuation": True}}, Score(True)),
        ("ends_with", "so: no", False, {}, Score(True)),
        ("ends_with", "casino", False, {}, Score(False, "missing at the end: false")),
        ("ends_with", "a?", None, {"texts": ["?"], "match": "none"}, None),
    ],
)
def test_texts_are_looked_for(name, outputs, answer, settings, score):
    result = EVALUATORS[name](outputs, {"expected_response": answer}, **settings)
    assert result == score if score else result.value is False


@pytest.mark.parametrize(
    ("outputs", "settings", "score"),
    [
        ("order 17", {"pattern": r"\d+"}, Score(True)),
        ("order", {"pattern": r"\d+"}, Score(False, "no match")),
        ("order", {"pattern": r"\d+", "match": "none"}, Score(True)),
        (
            "order 17",
            {"pattern": r"\d+", "match": "none"},
            Score(False, "must not match: '17'"),
        ),
        (
            "a" * 99,
            {"pattern": "a+", "match": "none"},
            Score(False, f"must not match: '{'a' * 60}…'"),
        ),
        ("ab", {"pattern": "a", "match": "none", "full": True}, Score(True)),
        ("A", {"pattern": "a", "match": "none", "ignore_case": True}, None),
        ("", {"pattern": ""}, Score(True)),
        ("a" * 40 + "c", {"pattern": "(a+)+b"}, Score(False, "no match")),
        (
            "a" * 5_000 + "c",
            {"pattern": "(a+)+[bd]"},
            Score(error="the pattern took longer than 1 s"),
        ),
    ],
)
def test_a_pattern_matches_or_must_not(outputs, settings, score):
    result = regex_match(outputs, **settings)
    assert result == score if score else result.value is False


texts = st.text("aAbßSs \n“\"'’", max_size=12)


@given(texts, st.text(min_size=1, max_size=3).filter(str.strip), texts)
def test_a_text_that_was_put_in_is_found(before, text, after):
    steps = {"unicode": False, "spaces": False}
    settings = {"texts": [text], "normalize": steps, "ignore_case": False}
    assert contains(before + text + after, **settings).value is True
    assert starts_with(text + after, **settings).value is True
    assert ends_with(before + text, **settings).value is True


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=2), min_size=1, max_size=3))
def test_none_is_the_opposite_of_any(outputs, required):
    for function in EVALUATORS.values():
        settings = {"texts": [text + "x" for text in required]}
        found_any = function(outputs, **settings).value
        assert function(outputs, **settings, match="none").value is not found_any


@given(st.text(max_size=20), st.sampled_from(["a", r"\w", r"^\s*$", "[^a]b?"]))
def test_no_match_is_the_opposite_of_a_match(outputs, pattern):
    matches = regex_match(outputs, pattern=pattern).value
    assert regex_match(outputs, pattern=pattern, match="none").value is not matches


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (
            "contains",
            {"match": "some"},
            "unknown value of contains's `match`: 'some'\n"
            "  fix: did you mean 'none'? known: none, all, any",
        ),
        (
            "ends_with",
            {"match": "all"},
            "unknown value of ends_with's `match`: 'all'\n  fix: known: any, none",
        ),
        (
            "regex_match",
            {"pattern": "a", "match": "all"},
            "unknown value of regex_match's `match`: 'all'\n  fix: known: any, none",
        ),
        *[
            (
                "contains",
                {"texts": value},
                f'contains: texts is {value!r}\n  fix: write a list of strings: texts: ["first", '
                '"second"]',
            )
            for value in ("Paris", [], [42], [True])
        ],
        (
            "starts_with",
            {"texts": ["a", "..."], "normalize": {"punctuation": True}},
            "starts_with: nothing is left of the text '...' after `normalize`\n"
            "  fix: remove it from `texts`, or switch a step off",
        ),
        (
            "contains",
            {"texts": [" "]},
            "contains: nothing is left of the text ' ' after `normalize`\n"
            "  fix: remove it from `texts`, or switch a step off",
        ),
        (
            "regex_match",
            {"pattern": "(?:" * 3_000 + "a" + ")" * 3_000},
            "is not a regular expression: maximum recursion depth exceeded",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(name, settings, message):
    with pytest.raises(WorkbenchError) as caught:
        load_evaluator(Spec(name, settings, ROOT))
    assert message in str(caught.value)


@pytest.mark.parametrize("name", EVALUATORS)
@pytest.mark.parametrize(
    ("settings", "use", "is_checked"),
    [
        ({}, "answer", True),
        ({"match": "none"}, "other", True),
        ({"texts": ["a"]}, "none", False),
    ],
)
def test_rows_need_an_expected_answer_unless_the_texts_are_fixed(name, settings, use, is_checked):
    evaluator = load_evaluator(Spec(name, settings, ROOT))
    assert (expected_use(evaluator), expected_check(evaluator) is not None) == (use, is_checked)
    if not is_checked:
        assert not evaluator.needs_expectations
        assert evaluator.call({"outputs": "", "expectations": {}}).error == ""
