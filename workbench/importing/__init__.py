"""Prompts, rows, graders and answers of other tools, as a project of Workbench.

A reader turns a file or folder of another tool into an `Import`; `write_import` writes it.

imported.py   what a reader returns: tasks, and a report line for everything that was read
"""

from workbench.importing.imported import (
    Import,
    ImportedAnswer,
    ImportedTask,
    ImportOutcome,
    ReportLine,
)

__all__ = ["Import", "ImportOutcome", "ImportedAnswer", "ImportedTask", "ReportLine"]
