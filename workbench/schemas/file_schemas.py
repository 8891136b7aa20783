"""The schemas of `experiment.yaml` and `workbench.yaml`, made from the code that reads them.

file_schema("experiment")["properties"]["repeats"]
{"description": "…", "type": "integer", "minimum": 1, "maximum": 1000, "default": 1}
"""

from pathlib import Path
from typing import Any

from workbench.dataset import DatasetSpec
from workbench.experiment.file import ExperimentFile
from workbench.project.project_file import ProjectFile
from workbench.schemas.entry_schemas import (
    MODEL_ENTRY,
    definitions,
    evaluators_schema,
    grid_schema,
)
from workbench.schemas.settings_schema import ENTRY_SETTINGS
from workbench.schemas.shape_schema import Schema, shape_schema

DRAFT = "http://json-schema.org/draft-07/schema#"  # the newest that editors know completely
SCHEMAS = ("experiment", "workbench")
PARAMETERS: Schema = {"$ref": "#/definitions/parameters"}


def file_schema(name: str, root: Path | None = None) -> dict[str, Any]:
    """The schema of `<name>.yaml`; `root`: a project whose evaluators are in it."""
    schema = _experiment(root) if name == "experiment" else _workbench()
    return {"$schema": DRAFT, "title": f"{name}.yaml of Workbench", **schema}


def _experiment(root: Path | None) -> Schema:
    dataset = shape_schema(DatasetSpec)
    rows = {"description": "The rows themselves.", "type": "array", "minItems": 1}
    path = {"description": "A file, relative to this one.", "type": "string", "minLength": 1}
    special: dict[str, Schema] = {
        "dataset": {"anyOf": [path, rows | {"items": {"type": "object"}}, dataset]},
        "models": {"type": "array", "minItems": 1, "items": MODEL_ENTRY},
        "parameters": {"anyOf": [PARAMETERS]},
        "grid": grid_schema(),
        "evaluators": {
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/definitions/evaluator"},
        },
    }
    entry = {"type": "object", "properties": ENTRY_SETTINGS}
    parts = {**definitions(), "entry": entry, "evaluator": evaluators_schema(root)}
    return {**shape_schema(ExperimentFile, special), "definitions": parts}


def _workbench() -> Schema:
    schema = shape_schema(ProjectFile)
    judge = schema["properties"]["judge"]
    judge["properties"]["model"] = {
        "description": judge["properties"]["model"]["description"],
        "anyOf": [MODEL_ENTRY, {"type": "null"}],
    }
    described = judge.pop("description")
    schema["properties"]["judge"] = {
        "description": described,
        "anyOf": [{"type": "string", "pattern": "^[^:]+:.+$"}, judge],
    }
    return {**schema, "type": ["object", "null"], "definitions": definitions()}
