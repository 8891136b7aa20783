"""Checks of JSON and XML with the meaning of promptfoo's assertions of the same name.

    - evaluators/promptfoo_documents.py:is_json: {value: {type: object, required: [name]}}

The schema is the setting `value`, or stands in the column that `expected_column` names; `true`
stands for no schema. To a row that has none the check doesn't apply.
"""

import json
import re
from typing import Any
from xml.etree import ElementTree

from jsonschema import Draft7Validator, FormatChecker
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from workbench.evaluator import Score, evaluator

MOST_JSON = 100_000  # characters that promptfoo reads of one object
XML = re.compile(r"<\?xml.*?>[\s\S]*<\/[^>]+>|\S*<[^>]+>[\s\S]*<\/[^>]+>")
UNSAFE_XML = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


@evaluator(kind="pass")
def is_json(
    outputs: str, expectations: Any = None, *, value: Any = None, negate: bool = False
) -> Score:
    """True if all of the answer is JSON, of the schema if there is one."""
    schema = _expected(expectations, value)
    if schema is None:
        return Score(None)
    document, problem = None, ""
    try:
        document = json.loads(outputs, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        problem = f"no JSON: {error}"
    passed = bool(problem) is negate
    if not passed or schema is True:
        return Score(passed, "" if passed else problem or "it is JSON")
    problem = _schema_problem(None if negate else document, schema)
    return Score(not problem, problem)


@evaluator(kind="pass")
def contains_json(
    outputs: str, expectations: Any = None, *, value: Any = None, negate: bool = False
) -> Score:
    """True if a JSON object stands in the answer, one of the schema if there is one."""
    schema = _expected(expectations, value)
    if schema is None:
        return Score(None)
    documents = _objects(outputs)
    passed = bool(documents) is not negate
    problem = "it has JSON" if negate else "no JSON in it"
    if schema is not True:
        for document in documents:
            problem = _schema_problem(document, schema)
            passed = not problem
            if passed:
                break
    return Score(passed, "" if passed else problem)


@evaluator(kind="pass")
def is_xml(
    outputs: str, expectations: Any = None, *, value: Any = None, negate: bool = False
) -> Score:
    """True if the answer is XML that has the elements, named by paths as `root.name`."""
    elements = _expected(expectations, value)
    if elements is None:
        return Score(None)
    problem = _xml_problem(outputs, elements)
    return Score(bool(problem) is negate, problem)


@evaluator(kind="pass")
def contains_xml(
    outputs: str, expectations: Any = None, *, value: Any = None, negate: bool = False
) -> Score:
    """True if XML that has the elements stands in the answer."""
    elements = _expected(expectations, value)
    if elements is None:
        return Score(None)
    match = XML.search(outputs)
    problem = _xml_problem(match[0], elements) if match else "no XML in it"
    return Score(bool(problem) is negate, problem)


def _expected(expectations: Any, value: Any) -> Any:
    """The setting, else the value of the row; None: the row has none."""
    return value if value is not None else (expectations or {}).get("expected_response")


def _schema_problem(document: Any, schema: Any) -> str:
    """The first violation of the schema, as ajv reads it: of draft 7, with formats."""
    validator = Draft7Validator(schema, format_checker=FormatChecker())
    error = next(iter(validator.iter_errors(document)), None)
    return f"{error.json_path}: {error.message}"[:300] if error else ""


def _objects(text: str) -> list[Any]:
    """The objects in a text as promptfoo reads them: from a brace to its partner, as YAML."""
    objects: list[Any] = []
    start = text.find("{")
    while start >= 0:
        end = _parsed_end(text, start, objects)
        start = text.find("{", end)
    return objects


def _parsed_end(text: str, start: int, objects: list[Any]) -> int:
    """Add the object that begins at `start`, if it is one; return where the search goes on."""
    depth, limit = 0, min(start + MOST_JSON, len(text))
    for position in range(start, limit):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        end = position + 1
        if depth == 0 or end == limit:
            document = _parse(text[start:end] + "}" * depth)
            if isinstance(document, dict):
                objects.append(document)
                return end
            break
    return start + 1


def _parse(text: str) -> Any:
    """The mapping in JSON or in YAML's flow style; None: it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        lines = re.sub(r"(^|\s)//", r"\1#", text)
        yaml = YAML(typ="safe", pure=True)
        yaml.allow_duplicate_keys = True
        return yaml.load(lines)
    except (YAMLError, ValueError, TypeError, RecursionError):
        return None


def _xml_problem(text: str, elements: Any) -> str:
    """Why the text is no XML with these elements; empty: it is."""
    if not text.startswith("<"):
        return "it doesn't begin with a tag"
    if UNSAFE_XML.search(text):
        return "a DOCTYPE is refused"
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  without a DOCTYPE nothing expands
    except (ElementTree.ParseError, RecursionError) as error:
        return f"no XML: {error}"
    if elements is True:
        return ""
    paths = elements.split(",") if isinstance(elements, str) else elements
    missing = [path.strip() for path in paths if not _has(root, path.strip().split("."))]
    return f"missing elements: {', '.join(missing)}" if missing else ""


def _has(root: ElementTree.Element, path: list[str]) -> bool:
    return root.tag == path[0] and (len(path) == 1 or root.find("/".join(path[1:])) is not None)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
