"""`workbench schema`: the schemas by which editors complete and check the YAML files.

$ workbench schema
.workbench/schema/experiment.json
.workbench/schema/workbench.json
first line of prompts/*/experiment.yaml:
# yaml-language-server: $schema=../../.workbench/schema/experiment.json
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.output import print_lines
from workbench.cli.setup import open_project
from workbench.errors import WorkbenchError


class SchemaName(StrEnum):
    """The file that a schema describes."""

    experiment = "experiment"
    workbench = "workbench"


def schema(
    name: Annotated[
        SchemaName | None,
        typer.Argument(help="Print this one; default: write both into .workbench/schema/."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to this file.")
    ] = None,
) -> None:
    """Write JSON Schemas of the YAML files, for editors.

    They have the settings of the project's evaluators. Run it again when those have changed.
    """
    from workbench.schemas import file_schema, schema_line, schema_text, write_schemas
    from workbench.schemas.schema_files import write_schema

    if name is None:
        if output:
            fix = f"workbench schema experiment -o {output}"
            raise WorkbenchError("-o needs the name of a schema", fix=fix)
        root = open_project().root
        paths = [str(path.relative_to(root)) for path in write_schemas(root)]
        experiment = root / "prompts" / "TASK" / "experiment.yaml"
        lines = ["An editor finds them by the first line of prompts/TASK/experiment.yaml,"]
        lines += [f"    {schema_line(experiment, root)}", "and by that of workbench.yaml:"]
        lines += [f"    {schema_line(root / 'workbench.yaml', root)}"]
        print_lines([*paths, *lines])
        return
    text = schema_text(file_schema(name, _root()))
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_schema(output, text)


def _root() -> Path | None:
    """The project's folder; None: outside of a project."""
    from workbench.project import find_root

    try:
        return find_root(Path.cwd())
    except WorkbenchError:
        return None
