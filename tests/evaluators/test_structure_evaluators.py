"""Scores of the evaluators of JSON."""

import json
from random import Random

import jsonschema
import pytest
from expected_rows import load, wanted
from hypothesis import given
from hypothesis import strategies as st
from structure_texts import JSON_VALUES, drawn_texts

from workbench.evaluators.json_field import json_field
from workbench.evaluators.json_schema import json_schema
from workbench.evaluators.json_valid import json_valid

ORDER = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "items": {
            "type": "array",
            "uniqueItems": True,
            "items": {"properties": {"price": {"minimum": 0}}, "required": ["price"]},
        },
        "to": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["city"]}]},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("outputs", "value", "reason", "label"),
    [
        ('{"name": "a"}', True, "", ""),
        ('```json\n{"name": "a"}\n```', True, "", ""),
        ("{}", False, "$: 'name' is a required property", ""),
        ("[]", False, "$: [] is not of type 'object'", ""),
        (
            '{"name": "a", "items": [{"price": 1}, {"price": 2}, {"price": -1}]}',
            False,
            "$.items[2].price: -1 is less than the minimum of 0",
            "",
        ),
        (
            '{"items": [{}, {"price": -1}, {"price": -2}, {"price": -3}], "x": 1}',
            False,
            "$: 'name' is a required property; "
            "$: Additional properties are not allowed ('x' was unexpected); "
            "$.items[0]: 'price' is a required property",
            "",
        ),
        ('{"name": "a", "to": {}}', False, "$.to: 'city' is a required property", ""),
        (
            '{"name": "a", "items": [{"price": 1}, {"price": 1.0}]}',
            False,
            '$.items: [{"price": 1}, {"price": 1.0}] has non-unique elements',
            "",
        ),
        ('{"name": "a", "items": [{"price": 1}, {"price": true}]}', True, "", ""),
        ("", False, "Expecting value: line 1 column 1 (char 0)", "unparsed"),
        ('{"name": NaN}', False, "NaN is not JSON", "unparsed"),
        ('{"name": 1e999}', False, "the number 1e999 is too large to be read", "unparsed"),
        ("1" * 5_000, False, "a number with 5,000 digits is not read", "unparsed"),
        ("[" * 100_000, False, "it is nested too deeply", "unparsed"),
    ],
)
def test_json_schema(outputs, value, reason, label):
    score = json_schema(outputs, schema=ORDER)
    if not outputs.startswith('{"items": [{}'):
        assert (score.value, score.reason, score.label) == (value, reason, label)
    else:  # the library gives the errors of one object in any order
        assert set(score.reason.split("; ")) == set(reason.split("; "))


# Cases of the specification's own test suite, by keyword.
@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"const": 1}, ["1", "1.0"], ["true", "2"]),
        ({"const": False}, ["false"], ["0", "0.0"]),
        ({"enum": [[1], None]}, ["[1]", "[1.0]", "null"], ["[true]", "0"]),
        ({"type": "integer"}, ["1", "1.0"], ["1.1", "true", '"1"']),
        ({"multipleOf": 0.0001}, ["0.0075"], ["0.00751"]),
        ({"prefixItems": [{"type": "integer"}], "items": False}, ["[1]", "[]"], ["[1, 2]"]),
        ({"maxLength": 2}, ['"🙂🙂"'], ['"abc"']),
        ({"pattern": "^a*$"}, ['"aaa"', "1"], ['"ab"']),
        ({"not": {}}, [], ["1", "{}"]),
        (True, ["1"], []),
        (False, [], ["1"]),
        ({"uniqueItems": True}, ["[1, true]", '[{"a": 1}, {"a": true}]'], ["[1, 1.0]"]),
        ({"items": {"$ref": "#"}, "maxItems": 1}, ["[[]]"], ["[[1, 2]]"]),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "null"}]},
            ["[null, 1]"],
            ["[1]"],
        ),
        ({"unevaluatedProperties": False, "properties": {"a": True}}, ['{"a": 1}'], ['{"b": 1}']),
    ],
)
def test_keywords_of_json_schema(schema, right, wrong):
    json_schema_check(schema)
    texts = [*right, *wrong]
    assert [text for text in texts if json_schema(text, schema=schema).value] == right


def json_schema_check(schema: object) -> None:
    load("json_schema", {"schema": schema})


@given(JSON_VALUES, st.sampled_from([ORDER, {"type": ["array", "string"]}, {"minProperties": 1}]))
def test_json_schema_agrees_with_the_library(value, schema):
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert json_schema(json.dumps(value), schema=schema).value is expected


INVOICE = wanted(
    {"total": 12, "name": "Pen", "city": None, "a b": {"c": [1, {"d": True}]}, "l": [1, 2.0]}
)


@pytest.mark.parametrize(
    ("outputs", "settings", "value", "label"),
    [
        ('{"total": 12.0}', {"field": "total"}, True, "right"),
        ('{"total": "12"}', {"field": "total"}, False, "differs"),
        ('{"total": true}', {"field": "total"}, False, "differs"),
        ('{"total": 12.4}', {"field": "$.total", "tolerance": 0.5}, True, "right"),
        ('{"total": 12.6}', {"field": "$.total", "tolerance": 0.5}, False, "differs"),
        ('{"total": 1' + "0" * 400 + "}", {"field": "total", "tolerance": 1}, False, "differs"),
        ('{"name": " Pen"}', {"field": "name"}, True, "right"),
        ('{"name": "pen"}', {"field": "name"}, False, "differs"),
        ('{"name": "pen"}', {"field": "name", "ignore_case": True}, True, "right"),
        ('{"name": "Ｐen"}', {"field": "name"}, True, "right"),
        ('{"name": "Ｐen"}', {"field": "name", "normalize": "none"}, False, "differs"),
        ("{}", {"field": "name"}, False, "missing"),
        ('{"name": null}', {"field": "name"}, False, "missing"),
        ("none", {"field": "name"}, False, "unparsed"),
        ('{"city": null}', {"field": "city"}, True, "right"),
        ("{}", {"field": "city"}, False, "missing"),
        ("{}", {"field": "city", "optional": True}, True, "right"),
        ("{}", {"field": "x", "optional": True}, True, "right"),
        ('{"x": 1}', {"field": "x", "optional": True}, False, "differs"),
        ('So: {"a b": {"c": [1, {"d": true}]}}.', {"field": "$['a b'].c[1].d"}, True, "right"),
        ('```json\n{"l": [1.0, 2]}\n```', {"field": "l"}, True, "right"),
        ('{"l": [2, 1]}', {"field": "l"}, False, "differs"),
        ('{"l": [1, 2, 3]}', {"field": "l"}, False, "differs"),
        ('{"a": 1} or {"total": 12}', {"field": "total"}, True, "right"),
    ],
)
def test_json_field(outputs, settings, value, label):
    score = json_field(outputs, INVOICE, **settings)
    assert (score.value, score.label) == (value, label)


@given(JSON_VALUES)
def test_a_field_equals_itself(value):
    score = json_field(json.dumps({"a": value}), wanted({"a": value}), field="a")
    assert score.value is True


def test_json_schema_and_json_valid_agree_on_drawn_texts():
    texts = drawn_texts(1)
    verdicts = [json_valid(text).value for text in texts]
    assert [json_schema(text, schema=True).value for text in texts] == verdicts


def test_json_schema_agrees_with_the_library_on_drawn_values():
    draw = Random(5)
    validator = jsonschema.Draft202012Validator(ORDER)

    def drawn(depth: int) -> object:
        kinds = [None, True, draw.randrange(-3, 3), draw.choice(["", "a", "pen"]), 0.5]
        if depth < 4:
            kinds.append([drawn(depth + 1) for _ in range(draw.randrange(3))])
            names = draw.sample(["name", "items", "price", "to", "city", "x"], draw.randrange(4))
            kinds += [{name: drawn(depth + 1) for name in names}] * 6
        return draw.choice(kinds)

    values = [drawn(0) for _ in range(1_000)]
    verdicts = [json_schema(json.dumps(value), schema=ORDER).value for value in values]
    assert verdicts == [validator.is_valid(value) for value in values]
    assert len(set(verdicts)) == 2
