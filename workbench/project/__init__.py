"""The user's project: its folder, and its `workbench.yaml`.

project.py        the folder that contains `prompts/`, its tasks, its store
new_files.py      files that are there in full or not at all
disk_sync.py      writes that are on the disk before a program goes on
project_file.py   the shape of `workbench.yaml`
"""

from workbench.project.project import (
    NO_TRACKING,
    PYTHON_TASKS,
    SERVERS,
    VARIABLE,
    Project,
    find_project,
    find_root,
    read_project,
)
from workbench.project.project_file import JudgeDefaults, Price, ProjectFile

__all__ = [
    "NO_TRACKING",
    "PYTHON_TASKS",
    "SERVERS",
    "VARIABLE",
    "JudgeDefaults",
    "Price",
    "Project",
    "ProjectFile",
    "find_project",
    "find_root",
    "read_project",
]
