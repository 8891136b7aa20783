"""Descriptions of the values that a pydantic model allows.

describe_allowed(ExperimentFile, ("repeats",))     "a whole number from 1 to 1000"
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

NAME_RULE = "up to 64 letters, digits, _ or -; the first a letter or digit"
KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a string",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
Schema = Mapping[str, Any]
KeyPath = tuple[str | int, ...]


class InvalidValueError(ValueError):
    """Error of a pydantic validator; the message follows the key and the value."""

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def describe_allowed(model: type[BaseModel], path: KeyPath) -> str:
    """Description of the values allowed at `path`; empty where any value is."""
    root = model.model_json_schema()
    return _describe(_schema_at(root, path), root)


def allowed_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys allowed at `path`."""
    root = model.model_json_schema()
    schema = _schema_at(root, path)
    options = [_resolve(option, root) for option in schema.get("anyOf", [schema])]
    return [key for option in options for key in option.get("properties", ())]


def synonyms(model: type[BaseModel], path: KeyPath) -> dict[str, str]:
    """The key allowed at `path`, or the whole fix, by a word of other programs or places."""
    root = model.model_json_schema()
    schema = _schema_at(root, path)
    options = [_resolve(option, root) for option in schema.get("anyOf", [schema])]
    return {word: key for option in options for word, key in option.get("synonyms", {}).items()}


def _schema_at(root: Schema, path: KeyPath) -> Schema:
    current = root
    for step in path:
        options = [_resolve(option, root) for option in current.get("anyOf", [current])]
        inner = (schema for option in options if (schema := _inside(option, step)) is not None)
        current = _resolve(next(inner, {}), root)
    return current


def _resolve(schema: Schema, root: Schema) -> Schema:
    if "$ref" in schema:
        target: Schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
        return target
    return schema


def _inside(schema: Schema, step: str | int) -> Schema | None:
    if isinstance(step, int):
        return schema.get("items")
    inner = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    return inner if isinstance(inner, Mapping) else None


def _describe(schema: Schema, root: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(_describe(_resolve(option, root), root) for option in schema["anyOf"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "pattern" in schema:
        return f"a name: {NAME_RULE}"
    kind = str(schema.get("type", ""))
    keys = ", ".join(schema.get("properties", ()))
    if kind == "object" and keys:
        return f"a mapping with {keys}"
    if kind == "array" and schema.get("minItems"):
        return "a list with at least one entry"
    return KINDS.get(kind, "") + _range(schema)


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    low = f" from {least:.12g}" if least is not None else ""
    low = f" above {above:.12g}" if above is not None else low
    up_to = " to" if least is not None else ", up to"
    return low + (f"{up_to} {most:.12g}" if most is not None else "")
