"""JSON Schemas of the two YAML files, by which editors complete and check keys.

shape_schema.py       the schema of a pydantic model, with descriptions from its docstring
settings_schema.py    the schema of an evaluator's settings, from its source
entry_schemas.py      entries of `models:` and `evaluators:`
file_schemas.py       the schemas of experiment.yaml and workbench.yaml
schema_files.py       those schemas in a project's folder, where editors find them

experiment.json and workbench.json are the schemas without a project's evaluators.
"""

from workbench.schemas.file_schemas import SCHEMAS, file_schema
from workbench.schemas.schema_files import (
    SCHEMA_FOLDER,
    schema_line,
    schema_text,
    write_schemas,
)

__all__ = [
    "SCHEMAS",
    "SCHEMA_FOLDER",
    "file_schema",
    "schema_line",
    "schema_text",
    "write_schemas",
]
