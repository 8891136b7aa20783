"""The evaluators of structure, answers and safety on any text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from structure_texts import ANY_TEXT, long_texts

from workbench.evaluator import Evaluator, Spec
from workbench.evaluator.lookup import load_evaluator

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
EVALUATORS: dict[str, tuple[dict, object]] = {
    "json_schema": ({"schema": SCHEMA}, None),
    "json_field": ({"field": "a"}, {"a": 1}),
    "xml_valid": ({}, None),
    "yaml_valid": ({}, None),
    "sql_valid": ({}, None),
    "sql_match": ({}, "SELECT a FROM t"),
    "python_compiles": ({}, None),
    "choice": ({"choices": ["Paris", "Rome", "B"]}, "A"),
    "date_match": ({}, "2023-12-01"),
    "set_overlap": ({}, ["a", "b"]),
    "entities": ({}, [{"text": "a", "type": "letter"}, "Paris"]),
    "pii": ({}, None),
    "credentials": ({}, None),
}


def load(name: str) -> Evaluator:
    return load_evaluator(Spec(name, EVALUATORS[name][0], Path("/nowhere")))


def score(evaluator: Evaluator, text: str):
    arguments = {
        "outputs": text,
        "inputs": {},
        "expectations": {"expected_response": EVALUATORS[evaluator.name][1]},
    }
    return evaluator.call({name: arguments[name] for name in evaluator.arguments})


@pytest.mark.parametrize("name", EVALUATORS)
def test_any_text_has_a_score(name):
    evaluator = load(name)

    @settings(max_examples=60)
    @given(ANY_TEXT)
    def check(text: str) -> None:
        result = score(evaluator, text)
        assert result.error == ""
        if evaluator.traits.range:
            assert 0 <= result.value <= 1
        else:
            assert result.value in (True, False)

    check()


@pytest.mark.parametrize("name", EVALUATORS)
def test_a_long_text_has_a_score(name):
    evaluator = load(name)
    errors = [text[:10] for text in long_texts() if score(evaluator, text).error]
    assert errors == []


@pytest.mark.parametrize("name", EVALUATORS)
def test_reasons_are_short(name):
    evaluator = load(name)
    for text in ("x" * 10_000, '{"b": "' + "x" * 10_000 + '"}', "SELECT " + "x" * 5_000, "[1, 2]"):
        assert len(score(evaluator, text).reason) < 400, text[:10]
