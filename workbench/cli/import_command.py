"""`workbench import`: prompts, rows, graders and answers of another tool, as a task.

$ workbench import ../triage/promptfooconfig.yaml
triage: 2 prompts, 40 rows, 1 model, 3 evaluators
carried 52, changed 1, left out 2
…
next: workbench run triage
"""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.output import print_json, print_styled
from workbench.cli.setup import open_experiment, open_root
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.importing import Import


def import_source(
    source: Annotated[
        Path, typer.Argument(metavar="FILE|FOLDER", help="The file of another tool, or its folder.")
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="DIR", help="The project to write into; default: the current one."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a task of another tool's prompts, tests and answers."""
    from workbench.importing.formats import FORMATS
    from workbench.importing.source_files import read_source
    from workbench.importing.write_project import write_import
    from workbench.report.import_report import import_json, import_text

    root = _project_root(to)
    imported = read_source(source, FORMATS)
    if root.is_dir():
        open_root(root)  # an error in workbench.yaml comes before the first file is written
    files = [_shown(path, root) for path in write_import(imported, root)]
    open_root(root)
    imported = _with_schemas(_with_answers(imported, root), root)
    here = "" if root == Path.cwd().resolve() or to is None else f"cd {to} && "
    command = f"{here}workbench run {imported.tasks[0].name}"
    if as_json:
        print_json(import_json(imported, files, command))
    else:
        print_styled(import_text(imported, files, command))


def _with_answers(imported: "Import", root: Path) -> "Import":
    """Store the answers of the tasks; return the import with what became of them."""
    from workbench.importing import ImportOutcome, ReportLine
    from workbench.importing.stored_answers import store_answers
    from workbench.plan import Options

    report = list(imported.report)
    for task in imported.tasks:
        if not task.answers:
            continue
        file = root / "prompts" / task.name / "experiment.yaml"
        try:
            with contextlib.chdir(root), open_experiment(file, Options(), "") as opened:
                report += store_answers(task, opened.plan(), opened.store)
        except WorkbenchError as error:
            text = f"answers: the task can't be planned: {error.message}"
            report.append(
                ReportLine(error.where, ImportOutcome.LEFT_OUT, text, error.fix, len(task.answers))
            )
    return replace(imported, report=report)


def _with_schemas(imported: "Import", root: Path) -> "Import":
    """Write the schemas that the experiment files name; return the import with what failed."""
    from workbench.importing import ImportOutcome, ReportLine
    from workbench.schemas import write_schemas

    try:
        write_schemas(root)
    except WorkbenchError as error:
        text = f"the schema by which editors complete keys: {error.message}"
        fix = f"{error.fix}; then: workbench schema"
        line = ReportLine(error.where, ImportOutcome.LEFT_OUT, text, fix)
        return replace(imported, report=[*imported.report, line])
    return imported


def _project_root(to: Path | None) -> Path:
    """The folder to write into: the one that is named, the project's, or the current one."""
    from workbench.project import find_root

    if to is not None:
        if to.exists() and not to.is_dir():
            raise WorkbenchError("is not a folder", where=str(to), fix="name a folder")
        return to.resolve()
    try:
        return find_root(Path.cwd())
    except WorkbenchError:
        return Path.cwd().resolve()


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) + ("/" if path.is_dir() else "")
