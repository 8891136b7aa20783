"""Runs that MLflow lacks, named after each command that did not record them.

note: MLflow lacks the run of prompts/qa/experiment.yaml (limit 20), 2026-11-28T20:45:03+00:00: its
recording was cut off; workbench sync records it
"""

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

SILENT = {"--json", "--help", "-h", "--version"}
MAX_NAMED = 3
Notes = dict[Path, dict[str, Any]]


def read_notes() -> Notes:
    """The notes of the project around the current folder, read without any import of ours."""
    notes: Notes = {}
    with suppress(OSError):  # the current folder is gone, or can't be read: the command says so
        here = Path.cwd()
        folders = (here, *here.parents)
        root = next((folder for folder in folders if (folder / "prompts").is_dir()), here)
        for file in sorted((root / ".workbench" / "unrecorded").glob("*.json")):
            with suppress(OSError, ValueError):
                notes[file] = json.loads(file.read_text(encoding="utf-8"))
    return notes


def unrecorded_lines(before: Notes) -> Iterator[str]:
    """A line about each run that MLflow lacked before this command and still lacks.

    Those that a process is running or recording are left out, and all after `workbench sync`.
    """
    if not before or SILENT.intersection(sys.argv) or sys.argv[1:2] == ["sync"]:
        return
    from workbench.errors import pluralize
    from workbench.plan.types import scope_text
    from workbench.report.safe_text import shorten
    from workbench.tracking.live_recordings import is_active

    after = read_notes()
    lacking = [
        (file, note)
        for file, note in after.items()
        if file in before
        and note.get("noted_at") == before[file].get("noted_at")
        and not is_active(file.parents[1], str(note.get("plan")))
    ]
    for _, note in lacking[:MAX_NAMED]:
        scope = scope_text(note.get("scope", {}))
        name = f"{note.get('experiment')}{scope and f' ({scope})'}, {note.get('noted_at')}"
        problem = note.get("problem") or "its recording was cut off"
        yield (
            f"note: MLflow lacks the run of {shorten(name, 200)}: {shorten(problem, 300)}; "
            "workbench sync records it"
        )
    if (more := len(lacking) - MAX_NAMED) > 0:
        yield f"note: MLflow lacks {pluralize(more, 'more run')}; workbench sync records them"
