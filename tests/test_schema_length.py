"""Limits of an answer's length that the JSON of its schema exceeds."""

import pytest

from workbench.plan.schema_length import smallest_answer

SCHEMAS = {
    "choices": ({"properties": {"choice": {"enum": ["a", "bb"]}}, "required": ["choice"]}, "bb"),
    "optional fields": ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
    "an alternative": ({"anyOf": [{"const": "long"}, {"type": "null"}]}, None),
    "a reference": ({"$ref": "#/$defs/A", "$defs": {"A": {"enum": ["x"]}}}, "x"),
    "itself": ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, 0),
    "a text": ({"type": "string"}, ""),
    "anything": ({}, None),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_smallest_answer_of_a_schema(case):
    schema, answer = SCHEMAS[case]
    assert smallest_answer(schema) == ({"choice": answer} if case == "choices" else answer)
