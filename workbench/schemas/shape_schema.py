"""The JSON Schema of a pydantic model, with descriptions from its docstring.

shape_schema(Price)["properties"]["input"]
{"type": "number", "minimum": 0, "maximum": 1e9, "description": "fresh input."}
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

Schema = dict[str, Any]
HEADING = re.compile(r"^(Attributes|Args):$", re.MULTILINE)
ENTRY = re.compile(r"(\w+(?:, \w+)*): (.*)", re.DOTALL)
UNUSED = ("title", "synonyms")  # pydantic's titles repeat the names


def shape_schema(model: type[BaseModel], special: Mapping[str, Schema] | None = None) -> Schema:
    """The schema of a model; `special` has the schemas of fields with a shorthand of their own."""
    root = model.model_json_schema()
    definitions = root.pop("$defs", {})
    docs = {each.__name__: field_docs(each) for each in _models(model)}
    schema = _inlined(root, model.__name__, definitions, docs)
    for name, replaced in (special or {}).items():
        described = schema["properties"][name].get("description")
        schema["properties"][name] = ({"description": described} if described else {}) | replaced
    return schema


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Descriptions of the fields of a model, from its docstring and those of its bases."""
    docs: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            docs |= section_docs(inspect.getdoc(base) or "")
    return docs


def section_docs(docstring: str) -> dict[str, str]:
    r"""Descriptions by name in the section `Attributes:` or `Args:` of a docstring.

    >>> section_docs("Bounds.\n\nAttributes:\n    min, max: bounds\n        of the mean.")
    {'min': 'Bounds of the mean.', 'max': 'Bounds of the mean.'}
    """
    heading = HEADING.search(docstring)
    section = re.split(r"\n(?=\S)", docstring[heading.end() :])[0] if heading else ""
    docs: dict[str, str] = {}
    for entry in re.split(r"\n {4}(?=\S)", section)[1:]:
        if match := ENTRY.match(entry):
            docs |= dict.fromkeys(match[1].split(", "), as_sentence(match[2]))
    return docs


def as_sentence(text: str) -> str:
    """`text` on one line, with a capital letter and a full stop."""
    line = " ".join(text.split())
    line = line if line.startswith("`") else line[:1].upper() + line[1:]
    return line if line.endswith((".", "?", "!")) else f"{line}."


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation, and those of their fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation)
    for inner in get_args(annotation):
        yield from _models(inner)


def _inlined(
    schema: Schema, owner: str, definitions: Mapping[str, Schema], docs: Mapping[str, Any]
) -> Schema:
    """The schema with its references replaced, described and without what editors don't use."""
    if "$ref" in schema:
        owner = schema["$ref"].rpartition("/")[2]
        others = {key: value for key, value in schema.items() if key != "$ref"}
        schema = definitions[owner] | others
    plain: Schema = {}
    for key, value in schema.items():
        if key in UNUSED or (key == "default" and value in ("", None)):
            continue
        if key == "description":
            plain[key] = " ".join(value.partition("\n\n")[0].split())
        elif key == "properties":
            plain[key] = {
                name: _described(
                    _inlined(inner, owner, definitions, docs), docs.get(owner, {}).get(name)
                )
                for name, inner in value.items()
            }
        elif isinstance(value, dict) and key in ("items", "additionalProperties", "propertyNames"):
            plain[key] = _inlined(value, owner, definitions, docs)
        elif key == "anyOf":
            plain[key] = [_inlined(option, owner, definitions, docs) for option in value]
        else:
            plain[key] = value
    return plain


def _described(schema: Schema, description: str | None) -> Schema:
    return (
        {"description": description, **_without(schema, "description")} if description else schema
    )


def _without(schema: Schema, key: str) -> Schema:
    return {name: value for name, value in schema.items() if name != key}
