"""Typed properties of Prompty's front matter as values and as JSON schemas.

inputs: {question: {type: string, default: Why?}}
inputs: [{name: question, kind: string, default: Why?}]
"""

from collections.abc import Mapping
from typing import Any

_KINDS = {
    **{kind: kind for kind in ("string", "integer", "number", "boolean", "object", "array")},
    "float": "number",
    "list": "array",
    "dict": "object",
    "int": "integer",
    "bool": "boolean",
}
_DESCRIBED = {"type", "kind", "default", "sample", "example", "description", "required", "is_list"}


def named_properties(listed: Any) -> dict[str, Any]:
    """Properties by name: of a mapping, of a list, or of either under `properties`."""
    if isinstance(listed, dict) and isinstance(listed.get("properties"), dict | list):
        listed = listed["properties"]
    if isinstance(listed, list):
        named = [each for each in listed if isinstance(each, dict) and each.get("name")]
        return {str(each["name"]): each for each in named}
    return dict(listed) if isinstance(listed, dict) else {}


def default_values(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The value of each property that has one."""
    values: dict[str, Any] = {}
    for name, each in properties.items():
        if not isinstance(each, dict) or not _DESCRIBED & each.keys():
            values[name] = each
            continue
        key = next((k for k in ("sample", "example", "default") if each.get(k) is not None), None)
        if key:
            values[name] = each[key]
        elif is_thread(each):
            values[name] = []
    return values


def is_thread(described: Any) -> bool:
    """True for a property that holds messages."""
    return isinstance(described, dict) and THREAD_KIND in (
        described.get("kind"),
        described.get("type"),
    )


THREAD_KIND = "thread"


def json_schema(described: Any) -> dict[str, Any]:
    """The JSON schema of a property, or of an object of properties."""
    if not isinstance(described, dict):
        return {"type": "string"}
    kind = _KINDS.get(str(described.get("kind") or described.get("type") or "object"), "string")
    schema: dict[str, Any] = {"type": kind}
    if isinstance(described.get("description"), str):
        schema["description"] = described["description"]
    if isinstance(described.get("enum"), list):
        schema["enum"] = described["enum"]
    if kind == "array":
        schema["items"] = json_schema(described.get("items") or {"type": "string"})
    properties = named_properties(described.get("properties") or {})
    if kind == "object" and properties:
        schema["properties"] = {name: json_schema(each) for name, each in properties.items()}
        schema["required"] = [
            name
            for name, each in properties.items()
            if not isinstance(each, dict) or each.get("required", True) is not False
        ]
        schema["additionalProperties"] = False
    return schema


def function_tool(tool: Any) -> dict[str, Any] | None:
    """A function as `tools:` takes it; None: the tool is no function."""
    if not isinstance(tool, dict):
        return None
    if isinstance(tool.get("function"), dict):
        tool = {"kind": "function", **tool["function"]}
    if (tool.get("kind") or tool.get("type") or "function") != "function" or not tool.get("name"):
        return None
    parameters = tool.get("parameters")
    if isinstance(parameters, dict) and isinstance(parameters.get("properties"), dict):
        schema = parameters
    else:
        schema = json_schema({"type": "object", "properties": named_properties(parameters or {})})
    described = {"name": str(tool["name"]), "parameters": schema}
    if isinstance(tool.get("description"), str):
        described["description"] = tool["description"]
    return described
