"""Tasks and documentation that come with Workbench.

bundled_folder("docs") / "prompts.md"     in a checkout: docs/prompts.md
                                          installed:     workbench/bundled/docs/prompts.md
"""

from pathlib import Path
from typing import Literal

PACKAGE = Path(__file__).parents[1]


def bundled_folder(name: Literal["docs", "prompts"]) -> Path:
    """The folder with the pages of the documentation, or the one with the tasks."""
    installed = PACKAGE / "bundled" / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def read_task_files(task: str) -> dict[str, bytes]:
    """The files of a bundled task by their paths in a project; empty: there is no such task.

    Rows that are fetched from elsewhere aren't among them.
    """
    folder = bundled_folder("prompts") / task
    files = [*folder.glob("*.jinja"), *folder.glob("experiment.yaml")]
    return {f"prompts/{task}/{file.name}": file.read_bytes() for file in sorted(files)}
