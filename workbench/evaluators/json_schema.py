"""Evaluator: the answer is JSON that a schema accepts.

>>> schema = {"properties": {"price": {"minimum": 0}}, "required": ["name"]}
>>> json_schema('{"name": "pen", "price": -1}', schema=schema).reason
'$.price: -1 is less than the minimum of 0'
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from jsonschema_specifications import REGISTRY
from referencing.exceptions import Unresolvable
from referencing.jsonschema import specification_with

from workbench.canonical import JSON, canonical_json
from workbench.errors import WorkbenchError, unknown_name
from workbench.evaluator import Score, evaluator
from workbench.evaluators._code_blocks import unfenced
from workbench.evaluators._json_text import json_key, read_json, shown_json

MOST_ERRORS = 3  # in a reason
MOST_EXAMINED = 1_000  # errors, of which the most relevant are shown
MOST_TEXT = 200  # characters of an error
_DRAFTS = {
    validator.META_SCHEMA[key].rstrip("#"): validator
    for validator in (
        jsonschema.Draft202012Validator,
        jsonschema.Draft201909Validator,
        jsonschema.Draft7Validator,
        jsonschema.Draft6Validator,
        jsonschema.Draft4Validator,
        jsonschema.Draft3Validator,
    )
    for key in ("$id", "id")
    if key in validator.META_SCHEMA
}
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_PROBES: tuple[JSON, ...] = (None, True, 0, "", [], [0], {}, {"a": 0})
_FIX = "write `schema: {…}`, or `schema_file: schemas/order.json`"


@evaluator(kind="pass")
def json_schema(
    outputs: str, *, schema: JSON = None, schema_file: str = "", fenced: bool = True
) -> Score:
    """True if the answer is JSON that the schema accepts; labelled unparsed if it is no JSON.

    White space around the value is allowed, and, if `fenced`, a Markdown code block around it. The
    draft is the one that `$schema` names, else 2020-12. `format` is not checked.

    Args:
        outputs: the answer.
        schema: a JSON schema.
        schema_file: a file of the project with the schema, in place of `schema`.
        fenced: read the content of a code block.
    """
    assert not schema_file or schema is not None  # resolve_settings has read it
    try:
        value = read_json(unfenced(outputs, "json") if fenced else outputs)
    except ValueError as error:
        return Score(False, str(error), "unparsed")
    try:
        errors = list(islice(_validator(canonical_json(schema)).iter_errors(value), MOST_EXAMINED))
        reasons = dict.fromkeys(map(_message, sorted(errors, key=_depth)))
    except RecursionError:
        return Score(False, "it is nested too deeply", "unparsed")
    return Score(not errors, "; ".join(list(reasons)[:MOST_ERRORS]))


def resolve_settings(settings: Mapping[str, JSON], root: Path) -> Mapping[str, JSON]:
    """The settings with the schema that `schema_file` names.

    Raises:
        WorkbenchError: `schema` is set too, or the file is not in the project, or no JSON.
    """
    name = settings.get("schema_file")
    if not name or not isinstance(name, str):
        return settings
    if "schema" in settings:
        message = "json_schema: `schema` and `schema_file` are both set"
        raise WorkbenchError(message, fix="keep one of them")
    file = root / name
    if not file.is_file() or not file.resolve().is_relative_to(root.resolve()):
        fix = "name a JSON file by its path from the project's folder: schemas/order.json"
        raise WorkbenchError(f"json_schema: the project has no file {name!r}", fix=fix)
    try:
        return {**settings, "schema": read_json(file.read_text(encoding="utf-8-sig"))}
    except ValueError as error:
        message = f"json_schema: {name} is not JSON: {error}"
        raise WorkbenchError(message, fix="write the schema as JSON") from error


def check_settings(**settings: JSON) -> None:
    """Check that the schema is valid, and complete without a network.

    Raises:
        WorkbenchError: it isn't, with the failing path.
    """
    schema = settings.get("schema")
    if schema is None:
        raise WorkbenchError("json_schema: no schema is named", fix=_FIX)
    if not isinstance(schema, dict | bool):
        raise WorkbenchError(f"json_schema: schema is {shown_json(schema)}", fix=_FIX)
    draft = _draft(schema)
    try:
        draft.check_schema(schema)
    except jsonschema.SchemaError as error:
        path = error.json_path.replace("$", "schema", 1)
        reason = _shortened(error.message, error.instance)
        fix = f"see {draft.META_SCHEMA.get('$id') or draft.META_SCHEMA.get('id')}"
        raise WorkbenchError(f"json_schema: {path}: {reason}", fix=fix) from error
    _check_references(schema, draft)
    try:
        validator = _validator(canonical_json(schema))
        for probe in _PROBES:
            validator.is_valid(probe)
    except RecursionError as error:
        message = "json_schema: the schema refers to itself without end"
        fix = "move the `$ref` to the schema itself below a property or an item"
        raise WorkbenchError(message, fix=fix) from error


def _draft(schema: JSON) -> Any:
    """The validator class of the draft that `$schema` names."""
    name = schema.get("$schema") if isinstance(schema, dict) else None
    if name is None:
        return jsonschema.Draft202012Validator
    if not isinstance(name, str) or name.rstrip("#") not in _DRAFTS:
        raise unknown_name("draft (`$schema` of json_schema):", str(name), _DRAFTS)
    return _DRAFTS[name.rstrip("#")]


def _check_references(schema: JSON, draft: Any) -> None:
    """Look up each `$ref` of a schema, and of what it refers to."""
    specification = specification_with(draft.META_SCHEMA["$schema"])
    root = specification.create_resource(schema)
    pending = [(root, REGISTRY.resolver_with_root(root))]
    seen = set[int]()
    while pending:
        part, resolver = pending.pop()
        if id(part.contents) in seen:
            continue
        seen.add(id(part.contents))
        for keyword in _REFERENCES if isinstance(part.contents, dict) else ():
            if not isinstance(reference := part.contents.get(keyword), str):
                continue
            try:
                target = resolver.lookup(reference)
            except Unresolvable as error:
                message = f"json_schema: {keyword} {reference!r} leads nowhere in the schema"
                fix = "copy what it refers to below `$defs`; nothing is fetched"
                raise WorkbenchError(message, fix=fix) from error
            resource = specification.create_resource(target.contents)
            pending.append((resource, target.resolver))
        pending += [(each, resolver.in_subresource(each)) for each in part.subresources()]


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    """The validator of a schema; without `$schema`, which names the slower class."""
    content = json.loads(schema)
    draft = extend(_draft(content), {"uniqueItems": _unique_items})
    if isinstance(content, dict):
        content.pop("$schema", None)
    return draft(content, registry=REGISTRY)


def _unique_items(
    validator: Any, unique: JSON, instance: JSON, _schema: JSON
) -> Iterator[jsonschema.ValidationError]:
    """`uniqueItems` in linear time; the library's own compares each pair of mixed items."""
    if not unique or not validator.is_type(instance, "array"):
        return
    if len(set(map(json_key, instance))) < len(instance):
        yield jsonschema.ValidationError(f"{instance!r} has non-unique elements")


def _depth(error: jsonschema.ValidationError) -> tuple[int, bool]:
    """Sort key: errors near the root come first, and those of alternatives last."""
    return len(error.path), error.validator in ("anyOf", "oneOf")


def _message(error: jsonschema.ValidationError) -> str:
    """Path and reason of an error, or of the nearest alternative that it misses."""
    best = best_match([error]) or error
    return f"{best.json_path}: {_shortened(best.message, best.instance)}"


def _shortened(message: str, instance: JSON) -> str:
    """A message of the library without long values."""
    text = message.replace(repr(instance), shown_json(instance), 1)
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"
