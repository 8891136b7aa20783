"""Settings and expectations that evaluators of structure refuse."""

import pytest
from expected_rows import load, wanted

from workbench.errors import WorkbenchError
from workbench.evaluator.lookup import expected_check

SCHEMA_FIX = "\n  fix: write `schema: {…}`, or `schema_file: schemas/order.json`"


META = "\n  fix: see https://json-schema.org/draft/2020-12/schema"


REF_FIX = "\n  fix: copy what it refers to below `$defs`; nothing is fetched"


DIALECT_FIX = "known: athena, bigquery, clickhouse"


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("json_schema", {}, f"json_schema: no schema is named{SCHEMA_FIX}"),
        ("json_schema", {"schema": 3}, f"json_schema: schema is 3{SCHEMA_FIX}"),
        (
            "json_schema",
            {"schema": {"properties": {"a": {"minimum": "0"}}}},
            f"json_schema: schema.properties.a.minimum: \"0\" is not of type 'number'{META}",
        ),
        (
            "json_schema",
            {"schema": {"items": {"pattern": "("}}},
            f"json_schema: schema.items.pattern: \"(\" is not a 'regex'{META}",
        ),
        (
            "json_schema",
            {"schema": {"$ref": "https://x.org/a"}},
            f"json_schema: $ref 'https://x.org/a' leads nowhere in the schema{REF_FIX}",
        ),
        (
            "json_schema",
            {"schema": {"items": {"$ref": "#/$defs/a"}, "$defs": {"b": {}}}},
            f"json_schema: $ref '#/$defs/a' leads nowhere in the schema{REF_FIX}",
        ),
        (
            "json_schema",
            {"schema": {"$ref": "#/x", "x": {"$ref": "other.json"}}},
            f"json_schema: $ref 'other.json' leads nowhere in the schema{REF_FIX}",
        ),
        (
            "json_schema",
            {"schema": {"$ref": "#"}},
            "json_schema: the schema refers to itself without end\n"
            "  fix: move the `$ref` to the schema itself below a property or an item",
        ),
        (
            "json_schema",
            {"schema": {}, "schema_file": "a.json"},
            "json_schema: `schema` and `schema_file` are both set\n  fix: keep one of them",
        ),
        (
            "json_schema",
            {"schema_file": "../a.json"},
            "json_schema: the project has no file '../a.json'\n"
            "  fix: name a JSON file by its path from the project's folder: schemas/order.json",
        ),
        (
            "json_field",
            {"field": ""},
            "json_field: field is empty\n"
            "  fix: write a name or a path: field: total, field: $.address.city",
        ),
        (
            "json_field",
            {"field": "$..a"},
            "json_field: '$..a' is not a path\n"
            "  fix: write $, then .name, [0] or ['a name']: $.answer, $.choices[0].text",
        ),
        (
            "json_field",
            {"field": "a", "tolerance": -1},
            "json_field: tolerance is -1\n"
            "  fix: write a number from 0: the greatest difference that counts as none",
        ),
    ],
)
def test_bad_settings_are_refused(name, settings, message):
    with pytest.raises(WorkbenchError) as caught:
        load(name, settings)
    assert str(caught.value) == message


def test_an_unknown_draft_is_refused():
    schema = {"$schema": "http://json-schema.org/draft-08/schema#"}
    with pytest.raises(WorkbenchError, match="unknown draft") as caught:
        load("json_schema", {"schema": schema})
    assert "http://json-schema.org/draft-07/schema" in caught.value.fix


def test_the_content_of_a_schema_file_is_part_of_the_digest(tmp_path):
    file = tmp_path / "schemas" / "order.json"
    file.parent.mkdir()
    file.write_text('{"type": "object"}')
    before = load("json_schema", {"schema_file": "schemas/order.json"}, tmp_path)
    file.write_text('{"type": "array"}')
    after = load("json_schema", {"schema_file": "schemas/order.json"}, tmp_path)
    scores = [evaluator.call({"outputs": "[]"}).value for evaluator in (before, after)]
    assert (before.digest != after.digest, scores) == (True, [False, True])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "type: object",
            "json_schema: a.json is not JSON: Expecting value: line 1 column 1 (char 0)\n"
            "  fix: write the schema as JSON",
        ),
        ('{"type": "objct"}', None),
    ],
)
def test_a_schema_file_with_an_error_is_refused(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(WorkbenchError) as caught:
        load("json_schema", {"schema_file": "a.json"}, tmp_path)
    assert message is None or str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "settings", "expected", "message"),
    [
        ("json_field", {"field": "a"}, {"b": 1}, "expected_response has no a"),
        ("json_field", {"field": "a"}, "text", "expected_response is 'text', not a JSON object"),
        ("json_field", {"field": "a"}, None, "expected_response is None, not a JSON object"),
        ("sql_match", {}, "hello", "expected_response 'hello' is not SQL: an expression, not a"),
        ("sql_match", {}, "SELECT 1 FROM", "expected_response 'SELECT 1 FROM' is not SQL: "),
    ],
)
def test_bad_expectations_are_refused(name, settings, expected, message):
    check = expected_check(load(name, settings))
    assert check
    with pytest.raises(WorkbenchError) as caught:
        check(wanted(expected))
    assert caught.value.message.startswith(message)
