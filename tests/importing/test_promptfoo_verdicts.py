"""Imported assertions give the verdicts of promptfoo 0.120.0, which ran the cases of the table.

`word-count` is younger; its cases follow its documentation.
"""

from importlib import import_module
from typing import Any

import pytest

from workbench.importing.promptfoo.assertion_kinds import UnmappedError, map_assertion
from workbench.importing.promptfoo.assertion_text import parse_assertion, parse_row

SCHEMA = {"type": "object", "required": ["name"], "properties": {"age": {"type": "integer"}}}


def verdict(assertion: dict[str, Any], answer: str) -> bool:
    mapped = map_assertion(assertion, assertion.get("value"))
    file, _, function = mapped.function.partition(":")
    module = import_module(f"workbench.importing.evaluator_sources.{file.removesuffix('.py')}")
    expected = {"expected_response": mapped.value}
    return bool(getattr(module, function)(answer, expected, **mapped.settings).value)


@pytest.mark.parametrize(
    ("kind", "value", "answer", "passes"),
    [
        ("equals", "Paris", "Paris ", False),
        ("equals", True, "true", True),
        ("equals", 42.0, "42", True),
        ("equals", {"a": 1}, '{"a":1.0}', True),
        ("not-equals", {"a": 1}, "no JSON", False),
        ("contains", "ß", "STRASSE", False),
        ("icontains", "straße", "STRASSE", False),
        ("icontains", "é", "É", True),
        ("icontains", "é", "e\u0301", False),
        ("contains-any", 'x, "a, b"', "a, b", True),
        ("icontains-any", 'x, "a, b"', "A, B", False),
        ("contains-all", "a, b", "b a", True),
        ("not-contains-all", ["a", "b"], "a", True),
        ("starts-with", "Paris", " Paris", False),
        ("regex", r"^\w+$", "é", False),
        ("regex", "b$", "ab\n", False),
        ("not-regex", r"\d", "a", True),
        ("is-json", None, "```json\n{}\n```", False),
        ("is-json", None, "NaN", False),
        ("is-json", SCHEMA, '{"name": 1, "age": "x"}', False),
        ("is-json", "type: object\nrequired: [a]", '{"a": 1}', True),
        ("contains-json", None, "text {hello} more", True),
        ("contains-json", SCHEMA, 'a {"b": 1} {"name": "x", "age": 1}', True),
        ("not-contains-json", None, "[1, 2]", True),
        ("is-xml", None, "<a><b>1</a></b>", True),
        ("is-xml", "a.b", "<a/>", False),
        ("contains-xml", ["root.a"], "see <root><a>1</a></root>", True),
        ("is-refusal", None, "I’m unable to do so", True),
        ("is-refusal", None, "not sorry", False),
        ("not-is-refusal", None, "", False),
        ("levenshtein", "sitting", "kitten", True),
        ("rouge-n", "It is 5 o'clock.", "It's 5 o'clock.", True),
        ("bleu", "the cat is on the mat", "the cat is on the mat", True),
        ("gleu", "quick brown", "The quick brown fox", False),
        ("word-count", {"min": 2, "max": 3}, " a  b ", True),
    ],
)
def test_verdict(kind: str, value: Any, answer: str, passes: bool) -> None:
    assert verdict({"type": kind, **({} if value is None else {"value": value})}, answer) is passes


@pytest.mark.parametrize(("threshold", "passes"), [(2, False), (3, True)])
def test_a_threshold_of_the_assertion_counts(threshold: float, passes: bool) -> None:
    assertion = {"type": "levenshtein", "value": "sitting", "threshold": threshold}
    assert verdict(assertion, "kitten") is passes


@pytest.mark.parametrize(
    "assertion",
    [
        {"type": "javascript", "value": "output.length > 3"},
        {"type": "cost", "threshold": 0.1},
        {"type": "contains", "value": ""},
        {"type": "latency"},
        {"type": "contains", "value": "a", "transform": "output.trim()"},
        {"type": "made-up", "value": "a"},
        {},
    ],
)
def test_an_assertion_without_an_equal_is_left_out(assertion: dict[str, Any]) -> None:
    with pytest.raises(UnmappedError):
        map_assertion(assertion, assertion.get("value"))


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("Paris", {"type": "equals", "value": "Paris"}),
        ("contains-any: a,b", {"type": "contains-any", "value": ["a", "b"]}),
        ("similar(0.9): x", {"type": "similar", "value": "x", "threshold": 0.9}),
        ("levenshtein: x", {"type": "levenshtein", "value": "x", "threshold": 0.75}),
        ("not-icontains: No", {"type": "not-icontains", "value": "No"}),
        ("is-json", {"type": "is-json"}),
        ("grade: is polite", {"type": "llm-rubric", "value": " is polite"}),
        ("fn:output", {"type": "javascript", "value": "output"}),
        ("file://a.py:check", {"type": "python", "value": "file://a.py:check"}),
        ("unknown: x", {"type": "equals", "value": "unknown: x"}),
    ],
)
def test_a_cell_of_a_csv_file_is_an_assertion(cell: str, assertion: dict[str, Any]) -> None:
    assert parse_assertion(cell) == assertion


def test_the_columns_of_a_csv_file_that_are_no_variables() -> None:
    row = {
        "q": "x",
        "__expected2": "contains:b",
        "__description": "d",
        "__metric": "m",
        "__threshold": "0.5",
        "__metadata:tags[]": "a,b",
        "__config:__expected:threshold": "0.8",
        "__suffix": "!",
    }
    assert parse_row(row) == {
        "vars": {"q": "x"},
        "assert": [{"type": "contains", "value": "b", "metric": "m", "threshold": 0.8}],
        "options": {"suffix": "!"},
        "metadata": {"tags": ["a", "b"]},
        "description": "d",
        "threshold": 0.5,
    }
