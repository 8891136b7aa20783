"""The project's files, its store and its disk, without a change to any of them."""

import os
from collections.abc import Iterator
from pathlib import Path

from workbench.doctor.diagnosis import Diagnosis, Status
from workbench.errors import ExitCode, WorkbenchError, bytes_text
from workbench.project import Project
from workbench.store.database import free_bytes
from workbench.store.inspection import inspect_store

FEWEST_BYTES = 100e6  # below, a store's disk counts as full
FEW_BYTES = 1e9


def check_store(root: Path) -> Iterator[Diagnosis]:
    """Yield the state of the store of completions."""
    folder = root / ".workbench"
    file = str(folder / "store.db")
    if not (folder / "store.db").is_file():
        yield Diagnosis("store", "ok", "there is none yet; the first run creates it", file)
        return
    try:
        inspected = inspect_store(folder)
    except WorkbenchError as error:
        yield Diagnosis.of_error("store", error)
        return
    size = bytes_text((folder / "store.db").stat().st_size)
    if not inspected.is_complete:
        message = f"format {inspected.format}, {size}; too large to be checked in a few seconds"
        yield Diagnosis("store", "note", message, file, "each run checks it completely")
        return
    yield Diagnosis("store", "ok", f"format {inspected.format}, {size}, every row is intact", file)
    if inspected.format < inspected.newest_format:
        message = f"the next run converts it from format {inspected.format}"
        message += f" to {inspected.newest_format}; earlier versions can't read it then"
        yield Diagnosis("store", "note", message, file, "copy .workbench if you may go back")


def check_disk(folder: Path) -> Iterator[Diagnosis]:
    """Yield the free space of a folder's disk, and whether the folder can be written."""
    free = free_bytes(folder)
    if free is not None:
        status: Status = "ok"
        if free < FEW_BYTES:
            status = "error" if free < FEWEST_BYTES else "warning"
        fix = "" if status == "ok" else "free space on the disk; a run stops when it is full"
        message = f"{bytes_text(free)} are free"
        yield Diagnosis("disk", status, message, str(folder), fix, ExitCode.STORAGE)
    if not os.access(folder, os.W_OK):
        message = "the folder can't be written: commands that read work, a run doesn't"
        fix = f"chmod -R u+rwX {folder}, or work on a copy of the project"
        yield Diagnosis("disk", "warning", message, str(folder), fix)


def check_tasks(project: Project) -> Iterator[Diagnosis]:
    """Yield the number of tasks, or that there is none."""
    tasks = project.tasks()
    if tasks:
        yield Diagnosis("project", "ok", f"tasks: {', '.join(tasks)}", str(project.root))
    else:
        fix = "add a template and an experiment.yaml: prompts/my_task/"
        yield Diagnosis("project", "note", "there is no task yet", str(project.prompts), fix)
