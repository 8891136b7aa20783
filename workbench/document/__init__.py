"""YAML files, read safely, checked against a shape, their faults told with file, line and column.

document = read_document(Path("prompts/qa/experiment.yaml"))
document.check(ExperimentFile)      # a pydantic model with extra="forbid"
"""

from workbench.document.document import Document, Place
from workbench.document.path_kind import is_folder, kind_of
from workbench.document.shape import UnfitError
from workbench.document.yaml import parse_document, read_document

__all__ = [
    "Document",
    "Place",
    "UnfitError",
    "is_folder",
    "kind_of",
    "parse_document",
    "read_document",
]
