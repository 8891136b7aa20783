"""Scores of the evaluators of structure: JSON, XML, YAML, SQL and Python."""

import ast
import json
from pathlib import Path
from random import Random
from xml.dom import minidom
from xml.parsers import expat

import jsonschema
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from structure_texts import drawn_texts

from workbench.errors import WorkbenchError
from workbench.evaluator import Spec
from workbench.evaluator.lookup import expected_check, load_evaluator
from workbench.evaluators.json_field import json_field
from workbench.evaluators.json_schema import json_schema
from workbench.evaluators.json_valid import json_valid
from workbench.evaluators.python_compiles import python_compiles
from workbench.evaluators.sql_match import sql_match
from workbench.evaluators.sql_valid import sql_valid
from workbench.evaluators.xml_valid import xml_valid
from workbench.evaluators.yaml_valid import yaml_valid

ROOT = Path("/nowhere")
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=4,
)


def wanted(answer: object) -> dict:
    return {"expected_response": answer}


def load(name: str, settings: dict, root: Path = ROOT):
    return load_evaluator(Spec(name, settings, root))


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


@given(VALUES, st.sampled_from([ORDER, {"type": ["array", "string"]}, {"minProperties": 1}]))
def test_json_schema_agrees_with_the_library(value, schema):
    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert json_schema(json.dumps(value), schema=schema).value is expected


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


@pytest.mark.parametrize("name", ["sql_valid", "sql_match"])
def test_an_unknown_dialect_is_refused(name):
    with pytest.raises(WorkbenchError, match=f"unknown dialect of {name}: 'postgre'") as caught:
        load(name, {"dialect": "postgre"})
    assert caught.value.fix.startswith("did you mean 'postgres'? ")


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


@given(VALUES)
def test_a_field_equals_itself(value):
    score = json_field(json.dumps({"a": value}), wanted({"a": value}), field="a")
    assert score.value is True


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


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ("<a/>", None),
        ("```xml\n<a>é</a>\n```", None),
        ("<?xml version='1.0' encoding='latin-1'?><a>é</a>", None),
        ("\ufeff<a/>", None),
        ("<x:a/>", None),
        ("", "no element found: line 1, column 0"),
        ("<a><b></a>", "mismatched tag: line 1, column 8"),
        ("<a/><b/>", "junk after document element: line 1, column 4"),
        ("Here: <a/>", "syntax error: line 1, column 0"),
        ("<a b='1' b='2'/>", "duplicate attribute: line 1, column 9"),
        ("<a>&nbsp;</a>", "undefined entity: line 1, column 3"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "it has a DOCTYPE, which is not read"),
        (
            '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
            "it has a DOCTYPE, which is not read",
        ),
        ("<a>\ud800</a>", "not well-formed (invalid token): line 1, column 3"),
        ("<a>\0</a>", "not well-formed (invalid token): line 1, column 3"),
    ],
)
def test_xml_valid(outputs, reason):
    score = xml_valid(outputs)
    assert (score.value, score.reason) == (reason is None, reason or "")


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn"))))
def test_everything_that_dom_writes_is_xml(text):
    document = minidom.Document()
    element = document.createElement("a")
    element.setAttribute("b", text)
    document.appendChild(element)
    assert xml_valid(document.toxml()).value is True


@pytest.mark.parametrize(
    ("outputs", "settings", "reason"),
    [
        ("a: 1\nb: [1, 2]", {"mapping": True}, None),
        ("- a\n- b", {}, None),
        ("- a", {"mapping": True}, "it is a list, not a mapping"),
        ("hello", {}, None),
        ("hello", {"mapping": True}, "it is a single value, not a mapping"),
        ("```yaml\na: 1\n```", {"mapping": True}, None),
        ("a: &x [1]\nb: *x", {}, None),
        ("a: !!python/object:os.system x", {}, None),
        ("", {}, "the answer is empty"),
        ("# only a comment", {}, "the document is empty"),
        ("a: 1\na: 2", {}, "the key 'a' stands twice: line 2"),
        ("a: b: c", {}, "mapping values are not allowed here: line 1, column 5"),
        ("a: *x", {}, "found undefined alias 'x': line 1, column 4"),
        (
            "a: 1\n---\nb: 2",
            {},
            "expected a single document in the stream, but found another document: "
            "line 2, column 1",
        ),
        ("[" * 5_000, {}, "it is nested too deeply"),
    ],
)
def test_yaml_valid(outputs, settings, reason):
    score = yaml_valid(outputs, **settings)
    assert (score.value, score.reason) == (reason is None, reason or "")


def test_aliases_are_not_expanded():
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    lines += [f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 40)]
    assert yaml_valid("\n".join(["m0: &m0 {k: v}", *lines]), mapping=True).value is True


@given(VALUES)
def test_json_is_yaml_with_a_mapping_where_it_is_an_object(value):
    text = json.dumps(value)
    assert yaml_valid(text, mapping=True).value is isinstance(value, dict)


@pytest.mark.parametrize(
    ("outputs", "settings", "reason"),
    [
        ("SELECT 1; DELETE FROM t", {}, None),
        ("```sql\nSELECT 1\n```", {}, None),
        ("This works:\n```sql\nSELECT 1;\n```\nTry it.", {}, None),
        ("INSERT INTO t VALUES (1)", {}, None),
        ("CREATE TABLE t (a INT)", {}, None),
        ("SELECT TOP 3 a FROM t", {"dialect": "tsql"}, None),
        ("SELECT * FROM t WHERE", {}, "WHERE is incomplete: line 1, column 21"),
        ("select a from", {}, "Expected table name: line 1, column 13"),
        ("hello", {}, "an expression, not a statement"),
        ("", {}, "no statement"),
        ("SELECT", {}, "SELECT without columns"),
        ("EXPLAIN SELECT 1", {}, "EXPLAIN statements are not read"),
        ("```sql\nSELECT 1\n```", {"fenced": False}, "an expression, not a statement"),
        ("SELECT " + "(" * 5_000, {}, "it is nested too deeply"),
    ],
)
def test_sql_valid(outputs, settings, reason):
    score = sql_valid(outputs, **settings)
    if settings.get("fenced") is False:
        assert score.value is False
    else:
        assert (score.value, score.reason) == (reason is None, reason or "")


QUERY = "SELECT name FROM users WHERE age > 18 AND active"
SAME_SQL = [
    ("select U.name from users as u where active and 18 < u.age;", QUERY),
    (
        "SELECT a.x FROM t1 a JOIN t2 b ON a.i=b.i",
        "SELECT t1.x FROM t1 INNER JOIN t2 ON t2.i = t1.i",
    ),
    ("SELECT COUNT(*) AS n FROM t ORDER BY n", "SELECT count(*) FROM t ORDER BY count(*) ASC"),
    (
        "WITH x AS (SELECT a FROM t) SELECT * FROM x",
        "WITH y AS (SELECT a FROM t) SELECT y.* FROM y",
    ),
    (
        "SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.x = a.y)",
        "SELECT * FROM a AS o WHERE EXISTS (SELECT 1 FROM b i WHERE o.y = i.x)",
    ),
    ('SELECT "name" FROM t', "SELECT NAME FROM t"),
    ("SELECT a FROM t WHERE x IN (2, 1)", "SELECT a FROM t WHERE x IN (1, 2)"),
    ("SELECT a FROM t WHERE (x=1 OR y=2) AND z=3", "SELECT a FROM t WHERE z=3 AND (y=2 OR x=1)"),
    ("UPDATE t SET a = 1 WHERE b = 2", "UPDATE t SET a = 1 WHERE 2 = b"),
    ("SELECT x.a FROM (SELECT a FROM t) x", "SELECT y.a FROM (SELECT t.a FROM t) AS y"),
    ("SELECT a AS r FROM t UNION SELECT b FROM u", "SELECT a FROM t UNION SELECT b AS q FROM u"),
    ("SELECT a FROM t LEFT OUTER JOIN u ON t.i=u.i", "SELECT a FROM t LEFT JOIN u ON t.i=u.i"),
    ("SELECT a FROM t, u", "SELECT a FROM t CROSS JOIN u"),
    ("SELECT a -- why\nFROM t", "SELECT a FROM t /* because */"),
    ("SELECT a FROM t WHERE a != 1", "SELECT a FROM t WHERE a <> 1"),
    ("SELECT (a) FROM t", "SELECT a FROM t"),
]
OTHER_SQL = [
    ("SELECT name FROM users WHERE age > 21 AND active", QUERY, "21, expected 18"),
    ("SELECT name FROM users", QUERY, "nothing, expected WHERE 18 < age AND active"),
    (f"{QUERY} LIMIT 3", QUERY, "LIMIT 3, expected nothing"),
    ("SELECT a, b FROM t", "SELECT b, a FROM t", "a, expected b"),
    ("SELECT DISTINCT a FROM t", "SELECT a FROM t", "DISTINCT, expected nothing"),
    ("SELECT a FROM t; SELECT 1", "SELECT a FROM t", "2 statements, expected 1"),
    ("UPDATE t SET a = b", "UPDATE t SET b = a", "a, expected b"),
    ('SELECT "Name" FROM t', "SELECT name FROM t", "Name, expected name"),
    ("SELECT 'A' FROM t", "SELECT 'a' FROM t", "'A', expected 'a'"),
    ("SELECT a - b FROM t", "SELECT b - a FROM t", "a, expected b"),
    ("SELECT a FROM t ORDER BY a DESC", "SELECT a FROM t ORDER BY a", None),
    ("SELECT a FROM t LEFT JOIN u ON t.i=u.i", "SELECT a FROM t JOIN u ON t.i=u.i", None),
    ("SELECT a - (b - c) FROM t", "SELECT a - b - c FROM t", None),
    (
        "SELECT a FROM t WHERE x=1 OR y=2 AND z=3",
        "SELECT a FROM t WHERE (x=1 OR y=2) AND z=3",
        None,
    ),
    ("SELECT a AS n FROM t GROUP BY n", "SELECT a FROM t GROUP BY n", None),
    ("SELECT a.x FROM t a, u b", "SELECT b.x FROM t a, u b", None),
    (
        "SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.x = b.y)",
        "SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.x = a.y)",
        None,
    ),
]


@pytest.mark.parametrize(("outputs", "expected"), SAME_SQL)
def test_sql_that_differs_in_writing_only_is_the_same(outputs, expected):
    scores = [sql_match(outputs, wanted(expected)), sql_match(expected, wanted(outputs))]
    assert [(score.value, score.label) for score in scores] == [(True, "right")] * 2


@pytest.mark.parametrize(("outputs", "expected", "reason"), OTHER_SQL)
def test_sql_with_another_meaning_differs(outputs, expected, reason):
    score = sql_match(outputs, wanted(expected))
    assert (score.value, score.label) == (False, "differs")
    assert reason is None or score.reason == reason


@pytest.mark.parametrize(
    ("outputs", "settings", "label"),
    [
        ("no SQL at all", {}, "unparsed"),
        ("SELECT COUNT(*) AS n FROM t", {"aliases": True}, "differs"),
        ("SELECT COUNT(*) AS n FROM t", {}, "right"),
        ("```\nSELECT COUNT(*) FROM t\n```", {}, "right"),
    ],
)
def test_settings_of_sql_match(outputs, settings, label):
    assert (
        sql_match(outputs, wanted(["SELECT 1", "SELECT COUNT(*) FROM t"]), **settings).label
        == label
    )


@pytest.mark.parametrize("query", [pair[0] for pair in SAME_SQL + OTHER_SQL])
@pytest.mark.parametrize("dialect", ["", "postgres", "sqlite", "mysql"])
def test_sql_as_the_library_writes_it_is_the_same(query, dialect):
    if dialect == "mysql":  # there "name" is a text
        query = query.replace('"', "`")
    written = [
        statement.sql(dialect=dialect, pretty=True)
        for statement in sqlglot.parse(query, dialect=dialect)
        if statement
    ]
    score = sql_match(";\n".join(written), wanted(query), dialect=dialect)
    assert score.value is True, score.reason


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ("def f(x: int) -> int:\n    return x", None),
        ("Here:\n```python\nimport os\n```\nDone.", None),
        ("```\nx = 1\n```", None),
        ("x = '\\d'", None),
        ("10**10**10**10", None),
        ("", "no code"),
        ("return 1", "'return' outside function: line 1"),
        ("x = 1\n  y = 2", "unexpected indent: line 2"),
        ("print 'a'", "Missing parentheses in call to 'print'. Did you mean print(...)?: line 1"),
        ("(" * 300, "too many nested parentheses: line 1"),
        ("-" * 90_000 + "1", "it is nested too deeply"),
        ("a" + ".a" * 45_000, "it is nested too deeply"),
        ("[" * 25 + "x" + " for x in x]" * 25, "it is nested too deeply"),
        ("x" * 200_000, "longer than 100,000 characters"),
    ],
)
def test_python_compiles(outputs, reason):
    score = python_compiles(outputs, {})
    assert (score.value, score.reason) == (reason is None, reason or "")


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ("    y = 2 * x\n    return y", None),
        ("y = 2 * x\n    return y", None),
        ("y = 2 * x\nreturn y", None),
        (" return 2 * x", None),
        ("def double(x):\n    return 2 * x", None),
        ("First:\n```\nx = 1\n```\nThen:\n```python\nreturn 2 * x\n```", None),
        ("```python\ndef double(x):\n    return 2 * x", None),
        ("", "no code"),
        (" \n", "no code"),
        ("    y = 2 * x\n    return y +", "invalid syntax: line 3"),
        ("def double(x)\n    return 2 * x", "expected ':': line 5"),
        ("I can't do that.", "unterminated string literal (detected at line 2): line 2"),
        ("x" * 99_990, "longer than 100,000 characters"),
    ],
)
def test_python_compiles_behind_a_prefix(outputs, reason):
    score = python_compiles(outputs, {"start": "def double(x):"}, prefix="start")
    assert (score.value, score.reason) == (reason is None, reason or "")


def test_python_compiles_refuses_a_prefix_without_text():
    with pytest.raises(WorkbenchError) as refused:
        python_compiles("x", {"start": 3}, prefix="start")
    assert str(refused.value) == (
        "`prefix: start` is 3 in this row, not text\n"
        "  fix: write `prefix: COLUMN`; the columns are start"
    )


@pytest.mark.parametrize("text", ["a\0b", "'\ud800'"])
def test_characters_that_no_source_has_are_refused(text):
    assert python_compiles(text, {}).value is False


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


def test_xml_valid_agrees_with_the_parser_on_drawn_texts():
    for text in drawn_texts(3):
        try:
            expat.ParserCreate("utf-8").Parse(text.strip().encode("utf-8", "surrogatepass"), True)
            expected = True
        except expat.ExpatError:
            expected = False
        assert xml_valid(text, fenced=False).value is expected


def test_sql_valid_agrees_with_the_parser_on_drawn_texts():
    for text in drawn_texts(4):
        if sql_valid(text, fenced=False).value:
            assert sqlglot.parse(text)


def test_python_compiles_agrees_with_the_parser_on_drawn_texts():
    for text in drawn_texts(2):
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            assert python_compiles(text, {}, fenced=False).value is False


@given(
    st.recursive(
        st.sampled_from(["a", "1", "b.c"]),
        lambda e: st.tuples(e, st.sampled_from(["AND", "OR", "=", "<"]), e).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        max_leaves=6,
    )
)
def test_sql_equals_itself(condition):
    query = f"SELECT a FROM t AS b WHERE {condition}"
    assert sql_match(query, wanted(query)).value is True
