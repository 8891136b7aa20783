"""What a pydantic model lets stand at a place, in words.

words_for(ExperimentFile, ("repeats",))  ->  "a whole number from 1 to 1000"
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

NAMES = "letters, digits, _ and -, at most 64, no sign first"
KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
Schema = Mapping[str, Any]


class InvalidValueError(ValueError):
    """What a validator of a file's shape raises, with what would be right.

    Args:
        message: follows the place and the value.
        fix: what to write.
    """

    def __init__(self, message: str, *, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


def words_for(model: type[BaseModel], place: tuple[str | int, ...]) -> str:
    """What may stand at `place`; empty where anything may."""
    whole = model.model_json_schema()
    current: Schema = whole
    for step in place:
        options = [_resolved(option, whole) for option in current.get("anyOf", [current])]
        found = [inner for option in options if (inner := _inside(option, step)) is not None]
        if not found:
            return ""
        current = _resolved(found[0], whole)
    return _words(current, whole)


def _resolved(schema: Schema, whole: Schema) -> Schema:
    if "$ref" in schema:
        found: Schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _inside(schema: Schema, step: str | int) -> Schema | None:
    if isinstance(step, int):
        items: Schema | None = schema.get("items")
        return items
    inner = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    return inner if isinstance(inner, Mapping) else None


def _words(schema: Schema, whole: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(_words(_resolved(one, whole), whole) for one in schema["anyOf"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "pattern" in schema:
        return f"a name: {NAMES}"
    kind = str(schema.get("type", ""))
    keys = ", ".join(schema.get("properties", ()))
    if kind == "object" and keys:
        return f"a mapping with {keys}"
    if kind == "array" and schema.get("minItems"):
        return "a list with at least one item"
    return KINDS.get(kind, "") + _range(schema)


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    low = f" from {least:g}" if least is not None else ""
    low = f" above {above:g}" if above is not None else low
    up_to = " to" if least is not None else ", up to"
    return low + (f"{up_to} {most:g}" if most is not None else "")
