"""Imported tasks, written into a project.

write_import(imported, Path("."))     prompts/triage/experiment.yaml, rows.jsonl, short.jinja, …

Everything is checked first: no file that exists is replaced, and an error leaves nothing behind.
"""

import io
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from workbench.canonical import unescaped_json
from workbench.document.shape import NAME_RULE
from workbench.errors import WorkbenchError, pluralize
from workbench.importing.imported import Import, ImportedTask
from workbench.model.types import JUDGES
from workbench.prompt.reference import NAME_PATTERN

ROWS = "rows.jsonl"
EXPERIMENT = "experiment.yaml"
UNFOLDED = 100_000  # columns: a long value stays on its line


def write_import(imported: Import, root: Path) -> list[Path]:
    """Write the tasks into the project in `root`; return their folders and the shared files.

    Raises:
        WorkbenchError: a file or folder of that name is there already, or can't be written.
    """
    shared = _shared_files(imported, root)
    folders = {root / "prompts" / task.name: task for task in imported.tasks}
    _check(imported, folders, shared)
    staged: dict[Path, Path] = {}
    try:
        (root / "prompts").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".import-", dir=root / "prompts") as staging:
            for folder, task in folders.items():
                staged[folder] = Path(staging) / folder.name
                _write_task(task, staged[folder])
            new_files = {path: text for path, text in shared.items() if not path.exists()}
            for path, text in new_files.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            for folder, temporary in staged.items():
                temporary.rename(folder)
    except OSError as error:
        where = str(error.filename or root)
        raise WorkbenchError(f"can't be written: {error.strerror}", where=where) from error
    return [*folders, *new_files]


def _shared_files(imported: Import, root: Path) -> dict[Path, str]:
    """Text by path of the files outside of the tasks' folders."""
    files: dict[Path, str] = {}
    for task in imported.tasks:
        files |= {root / "evaluators" / name: text for name, text in task.evaluator_files.items()}
        judges = root / "prompts" / JUDGES
        files |= {judges / name: text for name, text in task.judge_files.items()}
    return files


def _check(
    imported: Import, folders: Mapping[Path, ImportedTask], shared: Mapping[Path, str]
) -> None:
    if not imported.tasks:
        raise WorkbenchError("there is no task in it", fix="import a file that has prompts or rows")
    if len(folders) < len(imported.tasks):
        raise WorkbenchError("two tasks have one name")
    for folder, task in folders.items():
        for name in (task.name, *task.templates):
            if not re.fullmatch(NAME_PATTERN, name):
                raise WorkbenchError(f"{name!r} is no name", fix=f"use {NAME_RULE}")
        if folder.exists() or folder.is_symlink():
            raise WorkbenchError(
                "is there already, and nothing is overwritten",
                where=str(folder),
                fix="rename or delete it, or import into another folder: --to DIR",
            )
        for name in (*task.copied_files, *task.copied_texts):
            inside = (folder / name).resolve()
            if not inside.is_relative_to(folder.resolve()) or inside.name in (ROWS, EXPERIMENT):
                raise WorkbenchError(f"{name!r} is no name of a copied file", where=str(folder))
    for path, text in shared.items():
        if path.is_symlink() or (path.exists() and path.read_bytes() != text.encode()):
            raise WorkbenchError(
                "is there already with other content, and nothing is overwritten",
                where=str(path),
                fix="rename or delete it, or import into another folder: --to DIR",
            )


def _write_task(task: ImportedTask, folder: Path) -> None:
    folder.mkdir()
    for name, source in task.templates.items():
        (folder / f"{name}.jinja").write_text(source, encoding="utf-8", newline="\n")
    with (folder / ROWS).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{unescaped_json(row)}\n" for row in task.rows)
    (folder / EXPERIMENT).write_text(experiment_text(task), encoding="utf-8", newline="\n")
    for name, source_path in task.copied_files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source_path, target)
    for name, text in task.copied_texts.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


def experiment_text(task: ImportedTask) -> str:
    """The text of the task's `experiment.yaml`."""
    content: dict[str, Any] = {"description": task.description} if task.description else {}
    content["dataset"] = {"path": ROWS, **task.dataset}
    content["prompts"] = list(task.templates)
    content["models"] = [_entry(each) for each in task.models]
    if task.parameters:
        content["parameters"] = dict(task.parameters)
    content |= task.settings
    content["evaluators"] = [_entry(each) for each in task.evaluators]
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None  # inner lists and mappings of plain values on one line
    yaml.width = UNFOLDED
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.allow_unicode = True
    yaml.dump(_plain(content), out)
    return out.getvalue()


def _entry(entry: str | Mapping[str, Mapping[str, Any]]) -> Any:
    if isinstance(entry, str):
        return entry
    return {name: dict(settings) for name, settings in entry.items()}


def _plain(value: Any) -> Any:
    """The value made of lists and mappings of their own: an alias of YAML stands for none."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def summary_text(task: ImportedTask) -> str:
    """The task's size: `2 prompts, 40 rows, 1 model, 3 evaluators`."""
    parts = (
        (len(task.templates), "prompt"),
        (len(task.rows), "row"),
        (len(task.models), "model"),
        (len(task.evaluators), "evaluator"),
    )
    return ", ".join(pluralize(count, noun) for count, noun in parts)
