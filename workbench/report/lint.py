"""Findings of `workbench prompts lint` on a terminal and as JSON."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from workbench.canonical import JSON
from workbench.conversation import Conversation
from workbench.errors import WorkbenchError
from workbench.lint import PromptFindings, TaskFindings
from workbench.report.safe_text import escape_commands

SCHEMA_VERSION = 1


def print_findings(findings: Sequence[TaskFindings]) -> None:
    """Every template with its errors, warnings and rendered examples."""
    console = Console()
    for task in findings:
        for error in task.file_errors:
            _tell(console, f"error: {error}", "red")
        for one in task.prompts:
            _print_prompt(console, task.task, one)
    errors = sum(len(task.errors) for task in findings)
    warnings = sum(len(one.warnings) for task in findings for one in task.prompts)
    templates = sum(len(task.prompts) for task in findings)
    console.print(f"{templates} templates, {errors} errors, {warnings} warnings", highlight=False)


def findings_json(findings: Sequence[TaskFindings]) -> dict[str, JSON]:
    """The same as one object."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tasks": [
            {
                "task": task.task,
                "errors": [_error(error) for error in task.file_errors],
                "prompts": [_prompt(one) for one in task.prompts],
            }
            for task in findings
        ],
    }


def _print_prompt(console: Console, task: str, one: PromptFindings) -> None:
    mark, style = (
        ("✗", "red") if one.errors else ("!", "yellow") if one.warnings else ("✓", "green")
    )
    _tell(console, f"{mark} {task}/{one.name}", style)
    for error in one.errors:
        _tell(console, f"  error: {error}")
    for warning in one.warnings:
        _tell(console, f"  warning: {warning}")
    for rendering in one.rendered:
        counts = [f"{rendering.characters:,} characters"]
        counts += [f"{count:,} tokens ({model})" for model, count in rendering.tokens.items()]
        head = f"  row {rendering.row_id}: {', '.join(counts)}"
        _tell(console, head, "dim")
        for line in _said(rendering.conversation).split("\n"):
            _tell(console, f"    {line}", "dim")


def _tell(console: Console, line: str, style: str = "") -> None:
    """Not folded: a text would begin another line."""
    console.print(Text(escape_commands(line), style=style), soft_wrap=True)


def _said(conversation: Conversation) -> str:
    if conversation.text is not None:
        return conversation.text
    return "\n".join(f"{m.role}:\n{m.content}" for m in conversation.messages)


def _prompt(one: PromptFindings) -> dict[str, JSON]:
    return {
        "name": one.name,
        "errors": [_error(error) for error in one.errors],
        "warnings": list(one.warnings),
        "rendered": [
            {
                "row": rendering.row_id,
                "characters": rendering.characters,
                "tokens": rendering.tokens,
                "text": _said(rendering.conversation),
            }
            for rendering in one.rendered
        ],
    }


def _error(error: WorkbenchError) -> dict[str, JSON]:
    return {"where": error.where, "message": error.message, "fix": error.fix}
