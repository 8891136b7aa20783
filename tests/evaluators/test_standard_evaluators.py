"""Scores of the library's evaluators."""

import json
from pathlib import Path

import pytest
from expected_rows import wanted
from hypothesis import given
from hypothesis import strategies as st

from workbench.answers.reasoning import split_reasoning
from workbench.errors import WorkbenchError
from workbench.evaluator import Score, Spec
from workbench.evaluator.lookup import expected_check, load_evaluator
from workbench.evaluator.transform import NoPartError, read_transform
from workbench.evaluators import label_match as label_match_file
from workbench.evaluators import numeric_answer as numeric_answer_file
from workbench.evaluators import regex_match as regex_match_file
from workbench.evaluators._text import normalize_text, read_steps
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

ROOT = Path("/nowhere")


def check(name: str, **settings: object):
    """The check of a row's expectations that lint, plan and run call."""
    return expected_check(load_evaluator(Spec(name, settings, ROOT)))


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
        ("", "Paris", {}, False),
        ("Rome", ["Paris", "Rome"], {}, True),
        ("1", 1.0, {}, True),
        ("1.0", 1.0, {}, True),
        ("1.5", 1.5, {}, True),
        ("10", 1.0, {}, False),
        *[(text, 1e-05, {}, True) for text in ("0.00001", "1e-05", "1e-5")],
        *[("-0.00000025", answer, {}, True) for answer in (-2.5e-07, "-2.5e-07")],
        *[(text, 1e22, {}, True) for text in ("1" + "0" * 22, "1e22", "1e+22")],
        ("0.00002", 1e-05, {}, False),
        ("true", True, {}, True),
        ("Yes", True, {}, True),
        ("false", True, {}, False),
        ("No", False, {}, True),
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
        ("It is Rome.", ["Paris", "Rome"], {}, True),
        ("It is 42.", 42.0, {}, True),
        ("No, it is not.", False, {}, True),
        ("I know.", False, {}, False),
    ],
)
def test_contains(outputs, answer, settings, expected):
    assert contains(outputs, wanted(answer), **settings).value is expected


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
    assert regex_match(outputs, **settings).value is expected


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
        ("[" * 100_000, {}, Score(False, reason="it is nested too deeply")),
    ],
)
def test_json_valid(outputs, settings, expected):
    assert json_valid(outputs, **settings) == expected


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_everything_json_writes_is_valid(value):
    assert json_valid(json.dumps(value)) == Score(True)


NO_ANSWER = (
    "this row has no expected_response\n"
    "  fix: add `expected: COLUMN` to the dataset, or fill in that column"
)


@pytest.mark.parametrize(
    "evaluator",
    [
        lambda answer: exact_match("a", answer),
        lambda answer: contains("a", answer),
        lambda answer: numeric_answer("1", answer),
        lambda answer: label_match("a", answer, labels=["a"]),
        *(check(name) for name in ("exact_match", "contains", "numeric_answer")),
        check("label_match", labels=["a"]),
    ],
    ids=[f"{n}{c}" for c in ("", " check") for n in ("exact", "contains", "numeric", "label")],
)
@pytest.mark.parametrize(
    ("expectations", "message"),
    [
        ({}, NO_ANSWER),
        (wanted(None), NO_ANSWER),
        (wanted(""), NO_ANSWER),
        (wanted(" "), NO_ANSWER),
        (wanted([]), NO_ANSWER),
        (wanted(["", None]), NO_ANSWER),
        (
            wanted({"text": "a"}),
            "expected_response is {'text': 'a'}, not a string, a number, true or false\n"
            "  fix: write the right answer as a string, or a list of them",
        ),
    ],
)
def test_a_row_without_an_answer_is_an_error(evaluator, expectations, message):
    with pytest.raises(WorkbenchError) as caught:
        evaluator(expectations)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "settings", "answer", "message"),
    [
        ("numeric_answer", {}, "seven", "expected_response 'seven' holds no number"),
        ("label_match", {"labels": ["yes", "no"]}, "maybe", "unknown label"),
        ("label_match", {"labels": ["yes", "no"]}, ["yes", "maybe"], "unknown label"),
    ],
)
def test_an_answer_that_nothing_can_match_is_refused_by_the_check(name, settings, answer, message):
    with pytest.raises(WorkbenchError, match=message):
        check(name, **settings)(wanted(answer))


@pytest.mark.parametrize(
    ("name", "settings", "answer"),
    [
        ("numeric_answer", {}, ["seven", "7"]),
        ("label_match", {"labels": ["yes", "no"]}, True),
        ("label_match", {"labels": ["1", "2"]}, 1.0),
        ("label_match", {"labels": ["yes", "no"]}, ["yes", "no"]),
    ],
)
def test_an_answer_that_can_be_matched_passes_the_check(name, settings, answer):
    check(name, **settings)(wanted(answer))


def test_only_evaluators_that_compare_have_a_check():
    names = ("json_valid", "latency")
    assert [expected_check(load_evaluator(Spec(name, {}, ROOT))) for name in names] == [None] * 2


NFD = "Cafe\u0301"
ALL = {"markdown": True, "punctuation": True, "articles": True}


@pytest.mark.parametrize(
    ("outputs", "answer", "normalize", "value"),
    [
        (NFD, "Caf\u00e9", None, True),
        (NFD, "Caf\u00e9", {"unicode": False}, False),
        ("New\u00a0York", "New York", None, True),
        ("New\u202fYork\u200b", "New York", None, True),
        ("New\u00a0York", "New York", {"spaces": False}, False),
        ("a\r\nb", "a\nb", None, True),
        ("It’s “so”", 'It\'s "so"', None, True),
        ("It’s", "It's", {"quotes": False}, False),
        ("４２", "42", None, True),
        ("ＹＥＳ", "YES", None, True),
        ("٤٢", "42", None, True),
        ("４２", "42", {"width": False}, False),
        ("４２", "42", "none", False),
        ("42", "４２", None, True),
        ("Paris.", "Paris", None, False),
        ("Paris.", "Paris", {"punctuation": True}, True),
        ("(Paris, France)", "Paris France", {"punctuation": True}, True),
        ("3.14", "314", {"punctuation": True}, False),
        ("-5", "5", {"punctuation": True}, False),
        (".5", "5", {"punctuation": True}, False),
        ("5%", "5", {"punctuation": True}, False),
        ("C#", "C", {"punctuation": True}, False),
        ("1/4", "14", {"punctuation": True}, False),
        ("the Beatles", "Beatles", {"articles": True}, True),
        ("The Beatles", "Beatles", {"articles": True}, True),
        ("the Beatles", "Beatles", None, False),
        ("a", "", {"articles": True}, None),
        ("A", "a", {"articles": True}, False),
        ("Vitamin A", "Vitamin", {"articles": True}, False),
        ("**Paris**.", "Paris", None, False),
        ("**Paris**.", "Paris", {"markdown": True, "punctuation": True}, True),
        ("## Paris", "Paris", {"markdown": True}, True),
        ("~~Paris~~", "Paris", {"markdown": True, "punctuation": True}, False),
        ("- 5", "5", {"markdown": True}, False),
        ("- 5 km", "5 km", {"markdown": True}, True),
        ("- `Paris`", "Paris", {"markdown": True}, True),
        ("```\nParis\n```", "Paris", {"markdown": True}, True),
        ("[Paris](https://example.org)", "Paris", {"markdown": True}, True),
        ("[Paris](https://x.org/Paris_(city))", "Paris", {"markdown": True}, True),
        ("**A**nswer: **_B_**", "**A**nswer: B", {"markdown": True}, True),
        ("_snake_case_", "snake_case", {"markdown": True}, True),
        ("snake_case_name", "snakecasename", {"markdown": True}, False),
        ("2*3*4", "234", {"markdown": True}, False),
        ("**The** answer: “Paris”!", "answer Paris", ALL, True),
    ],
)
def test_normalisation(outputs, answer, normalize, value):
    if value is None:
        with pytest.raises(WorkbenchError, match="no expected_response"):
            exact_match(outputs, wanted(answer), normalize=normalize)
    else:
        assert exact_match(outputs, wanted(answer), normalize=normalize) is value


# Each is slow to read where the time grows with the square of the length.
REPEATED = [
    "#### ",
    "#### 5 ",
    "\\boxed{",
    "\\text{",
    "\n",
    "1 ",
    "(",
    "[",
    "{",
    "`",
    "**",
    " *a",
    "not ",
]
REPEATED += ["A, ", "A or ", "positive ", "```\n", "[a](", "<think>\n</think>", "the </think> tag "]


@pytest.mark.parametrize("text", REPEATED)
def test_a_long_answer_is_read(text):
    answer = text * (50_000 // len(text))
    row, steps = {"expected_response": "42"}, {"markdown": True, "punctuation": True}
    assert numeric_answer(answer, row).value is False
    assert label_match(answer, {"expected_response": "D"}, labels=["A", "D"]).value is False
    assert exact_match(answer, row, normalize=steps) is False
    assert json_valid(answer).value is False
    with pytest.raises(NoPartError):
        read_transform({"json": "$.answer"}).apply(answer)
    assert "42" not in split_reasoning(answer).answer


def test_each_evaluator_that_compares_text_normalises_it():
    row = wanted("don't")
    assert [
        contains("I don’t", row).value,
        contains("I don’t", row, normalize="none").value,
        label_match("don’t", row, labels=["do", "don't"]).value,
        label_match("don’t", row, labels=["do", "don't"], normalize="none").value,
        regex_match("don’t", pattern="don't").value,
        regex_match("don’t", pattern="don't", normalize={}).value,
    ] == [True, False, True, False, False, True]


def test_an_expected_answer_of_punctuation_only_is_an_error():
    with pytest.raises(WorkbenchError, match="nothing is left of expected_response"):
        contains("anything", wanted("..."), normalize={"punctuation": True})


@pytest.mark.parametrize("name", ["exact_match", "contains", "regex_match", "label_match"])
@pytest.mark.parametrize(
    ("normalize", "message"),
    [
        ("off", "normalize is 'off'\n  fix: write `normalize: none`, or switch steps"),
        (["quotes"], "normalize is ['quotes']"),
        ({"qoutes": True}, "'qoutes'\n  fix: did you mean 'quotes'?"),
        ({"quotes": "no"}, "normalize.quotes is 'no', not true or false"),
    ],
)
def test_an_unknown_normalisation_is_refused(name, normalize, message):
    settings = {"pattern": "a"} if name == "regex_match" else {}
    settings |= {"labels": ["a"]} if name == "label_match" else {}
    with pytest.raises(WorkbenchError) as caught:
        load_evaluator(Spec(name, {**settings, "normalize": normalize}, ROOT))
    assert message in str(caught.value)
    assert name in str(caught.value)


@given(st.text(max_size=40), st.sampled_from([None, ALL]))
def test_normalising_twice_is_normalising_once(text, setting):
    steps = read_steps(setting) - {"articles", "markdown"}
    assert normalize_text(normalize_text(text, steps), steps) == normalize_text(text, steps)


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
