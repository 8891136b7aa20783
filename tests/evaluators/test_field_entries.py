"""Entries `json_fields`, and evaluators whose package is not installed."""

import sys
from pathlib import Path

import pytest
from bench import EXPERIMENT, Bench, refusal

from workbench.evaluator import Spec
from workbench.evaluator.lookup import load_evaluator

HOW = (
    "\n  fix: write - json_fields: [name, total], or "
    "{fields: [name, $.address.city], ignore_case: true}"
)


def experiment(bench: Bench, entry: str):
    return bench.experiment(EXPERIMENT.replace("[output_tokens]", f"[{entry}]"))


@pytest.mark.parametrize(
    ("entry", "columns"),
    [
        ("json_fields: [name, $.address.city]", {"name": "name", "address.city": "$.address.city"}),
        ("json_fields: {fields: ['$.items[0].price']}", {"items.0.price": "$.items[0].price"}),
        ("json_fields: {fields: [total], name: invoice}", {"invoice: total": "total"}),
        ("json_fields: {fields: [\"$['unit price']\"]}", {"unit price": "$['unit price']"}),
    ],
)
def test_each_field_is_a_column(bench: Bench, entry, columns):
    evaluators = experiment(bench, f"{{{entry}}}").evaluators
    assert {each.name: each.settings["field"] for each in evaluators} == columns


def test_settings_are_those_of_each_column(bench: Bench):
    entry = "{json_fields: {fields: [a, b], ignore_case: true, optional: true}}"
    settings = [dict(each.settings) for each in experiment(bench, entry).evaluators]
    assert settings == [{"field": f, "ignore_case": True, "optional": True} for f in ("a", "b")]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("json_fields", f"json_fields: needs `fields`{HOW}"),
        ("{json_fields: {fields: []}}", f"json_fields: fields is [], not a list{HOW}"),
        ("{json_fields: [a, 3]}", f"json_fields: 3 is not a field{HOW}"),
        (
            "{json_fields: [a.b, $.a.b]}",
            "json_fields: two columns are called 'a.b'\n"
            "  fix: write this one by itself: json_field: {field: '$.a.b', name: another_name}",
        ),
        (
            "{json_fields: {fields: [a], field: b}}",
            "json_fields: `field` and `fields` are both set\n"
            "  fix: list it in `fields`, or write json_field: {field: …}",
        ),
    ],
)
def test_bad_entries_are_refused(bench: Bench, entry, message):
    refused = refusal(experiment, bench, entry)
    assert refused.partition(":4:")[2].partition(": ")[2] == message


def test_an_evaluator_of_the_project_may_have_the_name(bench: Bench):
    file = bench.root / "evaluators" / "json_fields.py"
    file.parent.mkdir()
    file.write_text("def json_fields(outputs: str) -> bool:\n    return True\n")
    (evaluator,) = experiment(bench, "json_fields").evaluators
    assert (evaluator.name, evaluator.arguments) == ("json_fields", ("outputs",))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    monkeypatch.delitem(sys.modules, "workbench.evaluators.sql_valid", raising=False)
    assert refusal(load_evaluator, Spec("sql_valid", {}, Path("/nowhere"))) == (
        "evaluator sql_valid needs the package sqlglot\n"
        "  fix: pip install 'prompt-workbench[evaluators]'"
    )
