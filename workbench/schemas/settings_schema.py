"""The JSON Schema of an evaluator's settings, from its description.

settings_schema(Description("regex_match", …))
{"type": "object", "properties": {"pattern": {"type": "string", "description": "…"}, …}, …}
"""

import ast
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from workbench.evaluator.description import Description, Setting
from workbench.evaluator.spec import DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S
from workbench.evaluator.transform import LINES
from workbench.schemas.shape_schema import Schema, as_sentence, section_docs

TYPES: dict[str, Schema] = {
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "None": {"type": "null"},
}
LISTS = ("Sequence", "list", "tuple", "set", "frozenset", "Iterable", "Collection")
MAPPINGS = ("Mapping", "dict")
LABEL: Schema = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.: +-]{0,63}$",
    "description": "Name of the metric in tables and MLflow; for a second use of an evaluator.",
}
_WHICH: Schema = {
    "description": "The match that counts.",
    "enum": ["first", "last"],
    "default": "first",
}
_STEP: Schema = {
    "anyOf": [
        {"enum": [*LINES], "description": "The first or the last line with text."},
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                "after": {"type": "string", "description": "The text behind this mark."},
                "json": {"type": "string", "description": "A path in the output's JSON: $.answer."},
                "regex": {"type": "string", "description": "A pattern; its first group, or all."},
                "function": {
                    "type": "string",
                    "description": "module:function that gets the output and returns a part.",
                },
                "which": _WHICH,
                "ignore_case": {
                    "type": "boolean",
                    "description": "Upper and lower case are alike in the mark or the pattern.",
                },
                "group": {"type": ["string", "integer"], "description": "The group of the regex."},
            },
        },
    ]
}
ENTRY_SETTINGS: dict[str, Schema] = {
    "name": LABEL,
    "transform": {
        "anyOf": [_STEP, {"type": "array", "minItems": 1, "items": _STEP}],
        "description": "The part of the output that is judged: a step, or several.",
    },
    "rows": {
        "type": "object",
        "minProperties": 1,
        "description": "Only the rows with these values: {topic: sports}, {topic: [a, b]}.",
    },
    "by": {"type": "string", "description": "A column: each of its values gets a metric."},
    "expected_column": {
        "type": "string",
        "description": "The column whose values are expected, in place of the dataset's.",
    },
    "env": {
        "type": "array",
        "items": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
        "description": "Environment variables that the evaluator's process gets: [OPENAI_API_KEY].",
    },
    "timeout_s": {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": MAX_TIMEOUT_S,
        "default": DEFAULT_TIMEOUT_S,
        "description": "Most seconds for one row.",
    },
}


def entry_references(*names: str) -> dict[str, Schema]:
    """References to the settings of entries, which stand under `definitions` once."""
    return {name: {"$ref": f"#/definitions/entry/properties/{name}"} for name in names}


def settings_schema(description: Description) -> Schema:
    """The schema of the settings of an entry; any settings where the source doesn't tell."""
    if not description.arguments:
        text = as_sentence(description.summary or "Settings")
        return {"description": text, "type": ["object", "null"]}
    settings = {each.name: setting_schema(each, description.doc) for each in description.settings}
    required = [each.name for each in description.settings if not each.default]
    settings |= entry_references(*ENTRY_SETTINGS)
    return mapping_schema(settings, description.summary, required)


def mapping_schema(properties: Mapping[str, Schema], summary: str, required: list[str]) -> Schema:
    """The schema of a mapping with these keys only; without required ones it may be null."""
    schema: Schema = {
        "description": as_sentence(summary or "Settings"),
        "type": "object" if required else ["object", "null"],
        "properties": dict(properties),
        "additionalProperties": False,
    }
    return schema | ({"required": required} if required else {})


def setting_schema(setting: Setting, doc: str) -> Schema:
    """The schema of one setting.

    >>> setting_schema(Setting("n", "int", "3"), "Sequences of `n` words.")
    {'description': 'Sequences of `n` words.', 'type': 'integer', 'default': 3}
    """
    schema = {"description": setting_doc(setting.name, doc), **annotation_schema(setting.type)}
    if setting.default not in ("", "None", "''"):
        with suppress(ValueError):  # the name of a constant
            schema["default"] = ast.literal_eval(setting.default)
    return schema


def setting_doc(name: str, doc: str) -> str:
    """The description of a setting: its entry under `Args:`, or the sentences that name it."""
    if listed := section_docs(doc).get(name):
        return listed
    prose = " ".join(re.split(r"\n\s*(?:Args|Raises|Returns):\n", doc)[0].split())
    sentences = re.split(r"(?<=[.?!])\s+(?=[A-Z`0-9])", prose)
    naming = [each for each in sentences if re.search(rf"`{name}\b", each)]
    return as_sentence(" ".join(naming)) if naming else ""


def annotation_schema(annotation: str) -> Schema:
    """The schema of an annotation in source text; `{}`, which is anything, if it isn't plain.

    >>> annotation_schema("Literal['any', 'none'] | None")
    {'anyOf': [{'enum': ['any', 'none']}, {'type': 'null'}]}
    """
    try:
        return _schema_of(ast.parse(annotation, mode="eval").body)
    except (SyntaxError, ValueError):
        return {}


def _schema_of(node: ast.expr) -> Schema:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        options = [_schema_of(node.left), _schema_of(node.right)]
        flat = [inner for option in options for inner in option.get("anyOf", [option])]
        return {"anyOf": flat} if all(flat) else {}
    if isinstance(node, ast.Subscript):
        name = ast.unparse(node.value).rpartition(".")[2]
        if name == "Literal":
            return {"enum": _literals(node.slice)}
        if name in LISTS:
            return {"type": "array"}
        if name in MAPPINGS:
            return {"type": "object"}
        return {}
    name = ast.unparse(node)
    if name in LISTS:
        return {"type": "array"}
    return {"type": "object"} if name in MAPPINGS else dict(TYPES.get(name, {}))


def _literals(node: ast.expr) -> list[Any]:
    values = ast.literal_eval(node)
    return list(values) if isinstance(values, tuple) else [values]
