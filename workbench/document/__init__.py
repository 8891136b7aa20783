"""YAML files, read safely, checked against a shape, their faults told with file, line and column.

document = read_document(Path("prompts/qa/experiment.yaml"))
document.check(ExperimentFile)      # a pydantic model with extra="forbid"
"""

from workbench.document.document import Document, Place
from workbench.document.file_kind import file_kind, is_folder
from workbench.document.shape import InvalidValueError
from workbench.document.yaml import parse_document, read_document

__all__ = [
    "Document",
    "InvalidValueError",
    "Place",
    "file_kind",
    "is_folder",
    "parse_document",
    "read_document",
]
