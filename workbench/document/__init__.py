"""YAML files: read safely, checked against a pydantic model, errors with file, line and column.

document = read_document(Path("prompts/qa/experiment.yaml"))
document.check(ExperimentFile)      # a pydantic model with extra="forbid"

document           a Document: plain data with positions, checked
shape              descriptions of the values that a model allows
yaml               reading YAML
file_kind          what a path is if not a regular file
environment_file   the variables of `.env`
"""

from workbench.document.document import Document, MissingKeyError
from workbench.document.file_kind import file_kind, is_folder
from workbench.document.shape import InvalidValueError
from workbench.document.yaml import parse_document, read_document

__all__ = [
    "Document",
    "InvalidValueError",
    "MissingKeyError",
    "file_kind",
    "is_folder",
    "parse_document",
    "read_document",
]
