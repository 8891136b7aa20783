"""Schemas of the entries of `models:` and `evaluators:`, each a name or a name with settings.

- transformers:smollm2-135m-instruct: {as: smollm2}
- rubric: "Polite."
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from workbench.evaluator.combination import COMBINED
from workbench.evaluator.description import describe_all
from workbench.evaluator.spec import COVERAGE
from workbench.experiment.entry_descriptions import (
    REQUIRED_OF_JUDGES,
    describe_entries,
    entry_shapes,
)
from workbench.experiment.field_entries import ENTRY as FIELDS
from workbench.experiment.field_entries import EVALUATOR as FIELD
from workbench.experiment.model_score_entries import EmbeddingEntry
from workbench.judges.entries import SHORTHAND, JudgeEntry
from workbench.model_scores.embedding_score import KIND as SIMILARITY
from workbench.parameters import PARAMETERS
from workbench.providers.openai.settings import OpenAISettings
from workbench.providers.transformers.settings import ModelSettings
from workbench.schemas.settings_schema import (
    ENTRY_SETTINGS,
    LABEL,
    entry_references,
    mapping_schema,
    settings_schema,
)
from workbench.schemas.shape_schema import Schema, as_sentence, shape_schema

PARAMETER_TYPES = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}
MODEL_SETTINGS: dict[str, Schema] = {
    "as": LABEL | {"description": "Name in tables and runs; default: the model's last word."},
    "parameters": {"$ref": "#/definitions/parameters"},
    "reasoning": {
        "description": "Thoughts before an answer: `strip`, `keep`, or the tags around them.",
        "default": "strip",
        "anyOf": [
            {"enum": ["strip", "keep"]},
            {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "pattern": r"^[\w:.-]+$"},
            },
        ],
    },
}
ECHO = ("echo:last", "echo:first-word", "echo:prompt", "echo:answer")
NAMES: Schema = {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}
NAMED = entry_references("name")
MODEL_ENTRY: Schema = {"$ref": "#/definitions/model"}


def definitions() -> dict[str, Schema]:
    """The parts of both files that others refer to."""
    settings: dict[str, type[BaseModel]] = {
        "openai": OpenAISettings,
        "transformers": ModelSettings,
    }
    shapes = {name: shape_schema(model) for name, model in settings.items()}
    for shape in shapes.values():
        shape["type"] = ["object", "null"]
        shape["properties"] |= MODEL_SETTINGS
    return {"parameters": parameters_schema(), **shapes, "model": _model_schema()}


def parameters_schema() -> Schema:
    """The schema of `parameters:`; null leaves one out of the request."""
    return {
        "type": "object",
        "description": "Parameters of requests, by their names in the OpenAI API.",
        "properties": {name: parameter_schema(name) for name in PARAMETERS},
        "additionalProperties": False,
    }


def grid_schema() -> Schema:
    """The schema of `grid:`: a list of values for each parameter."""
    values = {
        name: {
            "type": "array",
            "minItems": 1,
            "items": parameter_schema(name),
            "description": parameter_schema(name)["description"],
        }
        for name in PARAMETERS
    }
    return {"type": "object", "properties": values, "additionalProperties": False}


def parameter_schema(name: str) -> Schema:
    """The schema of one parameter."""
    types, lowest, highest, description = PARAMETERS[name]
    names = dict.fromkeys(PARAMETER_TYPES[each] for each in types)
    if "number" in names:
        names.pop("integer", None)
    schema: Schema = {"description": as_sentence(description), "type": [*names, "null"]}
    if lowest is not None:
        schema["minimum"] = lowest
    return schema if highest is None else schema | {"maximum": highest}


def _model_schema() -> Schema:
    """A model: `provider:name`, or that with its provider's settings."""
    plain = {"type": ["object", "null"], "properties": MODEL_SETTINGS}
    return {
        "anyOf": [
            {"enum": [*ECHO], "description": "Answers from the request, without a model."},
            {
                "type": "string",
                "pattern": "^[^:]+:.+$",
                "description": "A model: provider:name, as in openai:gpt-6-luna.",
            },
            {
                "type": "object",
                "description": "A model with settings: provider:name: {setting: value}.",
                "minProperties": 1,
                "maxProperties": 1,
                "patternProperties": {
                    "^openai:.": {"$ref": "#/definitions/openai"},
                    "^transformers:.": {"$ref": "#/definitions/transformers"},
                    "^echo:.": plain | {"additionalProperties": False},
                    "^(?!(?:openai|transformers|echo):)[^:]+:.": plain,
                },
                "additionalProperties": False,
            },
        ]
    }


def evaluators_schema(root: Path | None) -> Schema:
    """An entry of `evaluators:`.

    Args:
        root: the project whose evaluators and plug-ins have their settings in it; None: only the
            library's have. Others may have any settings.
    """
    described = describe_all(root or Path())
    listed = [each for each in described if root or each.origin == "workbench"]
    functions = {each.name: settings_schema(each) for each in listed}
    if SIMILARITY in functions and "model" not in functions[SIMILARITY].get("properties", {}):
        functions[SIMILARITY] = _similarity(functions[SIMILARITY])
    entries = dict(sorted({**_other_entries(functions), **functions}.items()))
    return {
        "anyOf": [
            {
                "enum": [name for name, schema in entries.items() if "null" in schema["type"]],
                "description": "An evaluator without settings.",
            },
            {
                "type": "string",
                "minLength": 1,
                "description": "An evaluator of the project, of a plug-in, or module:function.",
            },
            {
                "type": "object",
                "description": "An evaluator with settings: name: {setting: value}.",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": entries,
                "additionalProperties": {"type": ["object", "null"]},
            },
        ]
    }


def _other_entries(functions: Mapping[str, Schema]) -> dict[str, Schema]:
    """The entries that are no functions: combined scores, judges, likelihoods, lists of fields."""
    summaries = {name: each.summary for name, each in describe_entries().items()}
    entries: dict[str, Schema] = {}
    for name, model in entry_shapes().items():
        shape = shape_schema(model, NAMED)
        properties = shape["properties"] | (entry_references(*COVERAGE) if name in COMBINED else {})
        entries[name] = mapping_schema(properties, summaries[name], shape.get("required", []))
    for name, required in REQUIRED_OF_JUDGES.items():
        entries[name] = _judge(sorted(required), summaries[name])
    fields = functions.get(FIELD, {}).get("properties", entry_references(*ENTRY_SETTINGS))
    fields = {key: schema for key, schema in fields.items() if key != "field"}
    listed = {"description": "The fields: names, or paths such as $.address.city.", **NAMES}
    entries[FIELDS] = mapping_schema({"fields": listed, **fields}, summaries[FIELDS], ["fields"])
    for name, setting in SHORTHAND.items():
        entries[name] = _with_shorthand(entries[name], setting)
    return entries


def _judge(required: list[str], summary: str) -> Schema:
    special: dict[str, Schema] = {
        **NAMED,
        "model": {"anyOf": [MODEL_ENTRY]},
        "models": {"type": "array", "minItems": 2, "items": MODEL_ENTRY},
        "parameters": {"anyOf": [{"$ref": "#/definitions/parameters"}]},
    }
    properties = shape_schema(JudgeEntry, special)["properties"]
    left_out = {"rubric", "questions"} - {*required}
    shown = {key: schema for key, schema in properties.items() if key not in left_out}
    return mapping_schema(shown, summary, required)


def _with_shorthand(schema: Schema, setting: str) -> Schema:
    """The schema of an entry whose value may also be that of this setting."""
    alone = {key: value for key, value in schema["properties"][setting].items() if key != "anyOf"}
    options = schema["properties"][setting].get("anyOf", [alone])
    short = next(option for option in options if option.get("type") != "null")
    kinds = [short["type"], "object"]
    return {
        **{key: value for key, value in schema.items() if key != "required"},
        **{key: value for key, value in short.items() if key not in ("type", "description")},
        "type": kinds,
        "if": {"type": "object"},
        "then": {"required": schema["required"]},
    }


def _similarity(schema: Schema) -> Schema:
    """The settings of `embedding_similarity`: an encoder's, or those of an API's model."""
    of_model = shape_schema(EmbeddingEntry, {"model": {"anyOf": [MODEL_ENTRY]}})["properties"]
    return schema | {"properties": {**of_model, **schema["properties"]}}
