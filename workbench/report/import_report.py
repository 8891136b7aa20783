"""The result of an import: counts, then what was changed or left out, with its fix.

triage: 2 prompts, 40 rows, 1 model, 3 evaluators
carried 52, changed 1, left out 2

left out
  promptfooconfig.yaml:31  assert `javascript` (and 11 more)
    fix: write it as an evaluator: `workbench evaluators new NAME`
"""

from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from workbench.canonical import JSON
from workbench.errors import pluralize
from workbench.importing import Import, ImportOutcome, ReportLine
from workbench.importing.stored_answers import STORED
from workbench.importing.write_project import summary_text
from workbench.report.safe_text import escape_commands, shorten

WIDTH = 240  # characters of a part of the source
STYLES = {ImportOutcome.CHANGED: "yellow", ImportOutcome.LEFT_OUT: "red"}


def group_lines(lines: Sequence[ReportLine]) -> list[ReportLine]:
    """The lines in their order, of which equal ones at several places are one with their count."""
    groups: dict[tuple[ImportOutcome, str, str], ReportLine] = {}
    for line in lines:
        key = (line.outcome, line.text, line.fix)
        first = groups.get(key)
        groups[key] = replace(first, count=first.count + line.count) if first else line
    return list(groups.values())


def outcome_counts(lines: Sequence[ReportLine]) -> dict[str, int]:
    """The number of parts by outcome."""
    return {
        outcome.value: sum(line.count for line in lines if line.outcome is outcome)
        for outcome in ImportOutcome
    }


def import_text(imported: Import, files: Sequence[str], command: str) -> Text:
    """The report, with the files written and the command that runs a task."""
    text = Text()
    for task in imported.tasks:
        text.append(escape_commands(task.name), style="bold")
        text.append(f": {summary_text(task)}\n")
    counts = outcome_counts(imported.report)
    text.append(", ".join(f"{name} {count:,}" for name, count in counts.items()) + "\n")
    if stored := sum(line.count for line in imported.report if line.text == STORED):
        text.append(f"{pluralize(stored, 'answer is', 'answers are')} stored\n")
    for outcome, style in STYLES.items():
        lines = [line for line in group_lines(imported.report) if line.outcome is outcome]
        if lines:
            text.append(f"\n{outcome}\n", style=f"bold {style}")
        for line in lines:
            more = f" (and {line.count - 1:,} more)" if line.count > 1 else ""
            where = f"{shorten(line.where, WIDTH)}  " if line.where else ""
            text.append(f"  {where}{shorten(line.text, WIDTH)}{more}\n")
            if line.fix:
                text.append(f"    fix: {shorten(line.fix, 2 * WIDTH)}\n", style="dim")
    text.append("\nwritten: " + ", ".join(escape_commands(file) for file in files) + "\n")
    text.append(f"next: {command}")
    return text


def import_json(imported: Import, files: Sequence[str], command: str) -> dict[str, JSON]:
    """The report as one object."""
    return {
        "tasks": [
            {
                "name": task.name,
                "prompts": list(task.templates),
                "rows": len(task.rows),
                "models": [
                    each if isinstance(each, str) else next(iter(each)) for each in task.models
                ],
                "evaluators": len(task.evaluators),
            }
            for task in imported.tasks
        ],
        "counts": outcome_counts(imported.report),
        "report": [
            {
                "where": line.where,
                "outcome": line.outcome.value,
                "text": line.text,
                "fix": line.fix,
                "count": line.count,
            }
            for line in group_lines(imported.report)
        ],
        "files": list(files),
        "next": command,
    }
