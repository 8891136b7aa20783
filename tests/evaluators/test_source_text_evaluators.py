"""Scores of the evaluators of XML, YAML and Python source."""

import ast
import json
from xml.dom import minidom
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structure_texts import JSON_VALUES, drawn_texts

from workbench.errors import WorkbenchError
from workbench.evaluators.python_compiles import python_compiles
from workbench.evaluators.xml_valid import xml_valid
from workbench.evaluators.yaml_valid import yaml_valid


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


@given(JSON_VALUES)
def test_json_is_yaml_with_a_mapping_where_it_is_an_object(value):
    text = json.dumps(value)
    assert yaml_valid(text, mapping=True).value is isinstance(value, dict)


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


def test_xml_valid_agrees_with_the_parser_on_drawn_texts():
    for text in drawn_texts(3):
        try:
            expat.ParserCreate("utf-8").Parse(text.strip().encode("utf-8", "surrogatepass"), True)
            expected = True
        except expat.ExpatError:
            expected = False
        assert xml_valid(text, fenced=False).value is expected


def test_python_compiles_agrees_with_the_parser_on_drawn_texts():
    for text in drawn_texts(2):
        try:
            ast.parse(text)
        except (SyntaxError, ValueError):
            assert python_compiles(text, {}, fenced=False).value is False
