"""Faults of a JSON schema that no server can read: an unknown type, properties that are a list.

>>> schema_fault({"type": "object", "properties": {"city": {"type": "text"}}})
"properties.city.type: 'text' is no type of JSON"
>>> schema_fault({"type": "object", "properties": {"city": {"type": "string"}}})
''
"""

from collections.abc import Iterator

from workbench.canonical import JSON

TYPES = ("string", "number", "integer", "boolean", "null", "array", "object")
SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
SCHEMA_MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
TEXTS = ("$ref", "description", "title", "format", "pattern")


def schema_fault(schema: JSON) -> str:
    """Return the first fault with its path; empty if there is none."""
    return next(_faults(schema, ""), "")


def _faults(schema: JSON, path: str) -> Iterator[str]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{path.removesuffix('.') or 'the schema'}: {schema!r:.60} is no schema"
        return
    yield from _keyword_faults(schema, path)
    for name in SCHEMAS:
        if name in schema:
            parts = schema[name] if isinstance(schema[name], list) else [schema[name]]
            for part in parts:
                yield from _faults(part, f"{path}{name}.")
    for name in SCHEMA_LISTS:
        if not isinstance(schema.get(name, []), list):
            yield f"{path}{name}: {schema[name]!r:.60} is not a list"
            return
        for number, part in enumerate(schema.get(name, [])):
            yield from _faults(part, f"{path}{name}.{number}.")
    for name in SCHEMA_MAPS:
        if not isinstance(schema.get(name, {}), dict):
            yield f"{path}{name}: {schema[name]!r:.60} is not a mapping"
            return
        for key, part in schema.get(name, {}).items():
            yield from _faults(part, f"{path}{name}.{key}.")


def _keyword_faults(schema: dict[str, JSON], path: str) -> Iterator[str]:
    types = schema.get("type", [])
    for name in types if isinstance(types, list) else [types]:
        if name not in TYPES:
            yield f"{path}type: {name!r:.60} is no type of JSON"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield f"{path}required: {required!r:.60} is not a list of names"
    if not isinstance(schema.get("enum", [0]), list) or not schema.get("enum", [0]):
        yield f"{path}enum: {schema['enum']!r:.60} is not a list of values"
    kinds: tuple[tuple[tuple[str, ...], type | tuple[type, ...], str], ...] = (
        (NUMBERS, (int, float), "a number"),
        (COUNTS, int, "a whole number"),
        (TEXTS, str, "a text"),
    )
    for names, types_allowed, words in kinds:
        for name in names:
            value = schema.get(name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, types_allowed)
            ):
                yield f"{path}{name}: {value!r:.60} is not {words}"
