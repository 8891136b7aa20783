"""Imported tasks, written into a project.

write_import(imported, Path("."))     prompts/triage/experiment.yaml, rows.jsonl, short.jinja, …

Everything is checked first: no file that exists is replaced, and an error leaves nothing behind.
"""

import io
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from workbench.canonical import unescaped_json
from workbench.document.shape import NAME_RULE
from workbench.errors import WorkbenchError, pluralize
from workbench.importing.imported import Import, ImportedTask
from workbench.model.types import JUDGES
from workbench.project.new_files import new_files
from workbench.prompt.reference import NAME_PATTERN
from workbench.schemas import schema_line
from workbench.starters import PROJECT_FILES

ROWS = "rows.jsonl"
EXPERIMENT = "experiment.yaml"
UNFOLDED = 100_000  # columns: a long value stays on its line


def write_import(imported: Import, root: Path) -> list[Path]:
    """Write the tasks into the project in `root`; return their folders and the shared files.

    Raises:
        WorkbenchError: a file or folder of that name is there already, or can't be written.
    """
    shared = _shared_files(imported)
    if not (root / "prompts").exists():  # a new project
        texts = {name: content.decode() for name, content in PROJECT_FILES.items()}
        shared |= {name: text for name, text in texts.items() if not (root / name).exists()}
    folders = {f"prompts/{task.name}": task for task in imported.tasks}
    _check(imported, {root / path: task for path, task in folders.items()})
    _check_shared(shared, root)
    new_texts = {path: text for path, text in shared.items() if not (root / path).exists()}
    # A task comes after the files that it needs: where it is, it runs.
    with new_files(root, [*new_texts, *folders]) as staging:
        for path, text in new_texts.items():
            _write_text(staging / path, text)
        for path, task in folders.items():
            _write_task(task, staging / path)
    return [root / path for path in (*folders, *new_texts)]


def _shared_files(imported: Import) -> dict[str, str]:
    """Text by path of the files outside of the tasks' folders."""
    files: dict[str, str] = {}
    for task in imported.tasks:
        files |= {f"evaluators/{name}": text for name, text in task.evaluator_files.items()}
        files |= {f"prompts/{JUDGES}/{name}": text for name, text in task.judge_files.items()}
    return files


def _check(imported: Import, folders: Mapping[Path, ImportedTask]) -> None:
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


def _check_shared(shared: Mapping[str, str], root: Path) -> None:
    for path, text in ((root / path, text) for path, text in shared.items()):
        if path.is_symlink() or (path.exists() and path.read_bytes() != text.encode()):
            raise WorkbenchError(
                "is there already with other content, and nothing is overwritten",
                where=str(path),
                fix="rename or delete it, or import into another folder: --to DIR",
            )


def _write_task(task: ImportedTask, folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, source in task.templates.items():
        _write_text(folder / f"{name}.jinja", source)
    with (folder / ROWS).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{unescaped_json(row)}\n" for row in task.rows)
    place = Path("/prompts", task.name, EXPERIMENT)
    _write_text(folder / EXPERIMENT, f"{schema_line(place, Path('/'))}\n{experiment_text(task)}")
    for name, source_path in task.copied_files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source_path, folder / name)
    for name, text in task.copied_texts.items():
        _write_text(folder / name, text)


def _write_text(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="\n")


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
