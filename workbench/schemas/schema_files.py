"""The schemas as files of a project, and the line by which an editor finds them.

.workbench/schema/experiment.json, .workbench/schema/workbench.json

# yaml-language-server: $schema=../../.workbench/schema/experiment.json
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.schemas.file_schemas import SCHEMAS, file_schema

SCHEMA_FOLDER = "schema"  # in the store's folder, which git ignores


def write_schemas(root: Path) -> list[Path]:
    """Write the schemas of both files into the project in `root`, and return their paths.

    They have the settings of its evaluators and of plug-ins.

    Raises:
        WorkbenchError: an evaluator's file can't be read, or the folder can't be written.
    """
    folder = Project(root).store / SCHEMA_FOLDER
    texts = {name: schema_text(file_schema(name, root)) for name in SCHEMAS}
    paths = [folder / f"{name}.json" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_schema(path, text)
    return paths


def write_schema(path: Path, text: str) -> None:
    """Write a schema to `path`, whose folder is created; never half of it.

    Raises:
        WorkbenchError: it can't be written.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, "utf-8")
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        message = f"can't be written: {error.strerror}"
        raise WorkbenchError(message, where=str(path), fix="name another file: -o FILE") from error


def schema_text(schema: Mapping[str, Any]) -> str:
    """The schema as the text of a file, in ASCII."""
    return json.dumps(schema, indent=1) + "\n"


def schema_line(file: Path, root: Path) -> str:
    """The first line of a YAML file of the project, by which an editor finds its schema.

    >>> schema_line(Path("/p/prompts/qa/experiment.yaml"), Path("/p"))
    '# yaml-language-server: $schema=../../.workbench/schema/experiment.json'
    """
    name = "workbench" if file.stem == "workbench" else "experiment"
    target = root / ".workbench" / SCHEMA_FOLDER / f"{name}.json"
    relative = Path(os.path.relpath(target, file.parent)).as_posix()
    return f"# yaml-language-server: $schema={relative}"
