"""Checks of JSON and XML with the meaning of promptfoo's assertions of the same name.

    - evaluators/promptfoo_documents.py:is_json: {value: {type: object, required: [name]}}

The schema is the setting `value`, or stands in the column that `expected_column` names; `true`
stands for no schema. To a row that has none the check doesn't apply.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft7Validator, FormatChecker
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from workbench.evaluator import Score, evaluator

MOST_JSON = 100_000  # characters that promptfoo reads of one object
XML = re.compile(r"<\?xml.*?>[\s\S]*<\/[^>]+>|\S*<[^>]+>[\s\S]*<\/[^>]+>")
SKIPPED = {"<!--": "-->", "<?": "?>", "<![CDATA[": "]]>", "<!DOCTYPE": ">"}
TAG = re.compile(r"<(?P<closes>/?)(?P<name>[^\s>/]*)(?:[^>\"']|\"[^\"]*\"|'[^']*')*?(?P<empty>/?)>")


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


@dataclass
class _Element:
    """An element, as a parser reads it that forgives unclosed and mismatched tags."""

    children: dict[str, list["_Element"]] = field(default_factory=dict)


def _xml_problem(text: str, elements: Any) -> str:
    """Why promptfoo's parser takes the text for no XML with these elements; empty: it does."""
    if not text.startswith("<"):
        return "it doesn't begin with a tag"
    root = _Element()
    if problem := _read_elements(text, root):
        return problem
    paths = [] if elements is True else elements
    paths = paths.split(",") if isinstance(paths, str) else paths
    missing = [path.strip() for path in paths if not _has(root, path.strip().split("."))]
    return f"missing elements: {', '.join(missing)}" if missing else ""


def _read_elements(text: str, root: _Element) -> str:
    """Add the elements of a text to `root`; return its first fault."""
    open_elements = [root]
    position = 0
    while (start := text.find("<", position)) >= 0:
        if not open_elements:
            return "a closing tag without an opening one"
        for opening, closing in SKIPPED.items():
            if text.startswith(opening, start):
                end = text.find(closing, start + len(opening))
                if end < 0:
                    return f"{opening} is not closed"
                position = end + len(closing)
                break
        else:
            tag = TAG.match(text, start)
            if tag is None:
                return "a tag is not closed"
            position = tag.end()
            if tag["closes"]:
                open_elements.pop()
                continue
            element = _Element()
            open_elements[-1].children.setdefault(tag["name"], []).append(element)
            if not tag["empty"]:
                open_elements.append(element)
    return ""


def _has(element: _Element, path: list[str]) -> bool:
    """True if the path leads to an element; several of one name have no names inside."""
    named = element.children.get(path[0], [])
    return bool(named) and (len(path) == 1 or (len(named) == 1 and _has(named[0], path[1:])))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
