"""Findings of `workbench prompts lint` on a terminal and as JSON.

! qa/loud
  warning: prompts/qa/loud.jinja:3: '  Assistant:' is text; …
  row 1: 24 characters, 9 tokens (transformers:smollm2)
    user:
    YES
1 template, 0 errors, 1 warning
"""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from workbench.canonical import JSON
from workbench.errors import pluralize
from workbench.lint import PromptFindings, TaskFindings
from workbench.report.safe_text import escape_commands


def print_findings(findings: Sequence[TaskFindings]) -> None:
    """Print every template with its errors, warnings and rendered examples."""
    console = Console()
    for task in findings:
        for error in task.file_errors:
            _print_line(console, f"error: {error}", "red")
        for warning in task.file_warnings:
            _print_line(console, f"warning: {warning}", "yellow")
        for prompt in task.prompts:
            _print_prompt(console, task.task, prompt)
    errors = sum(len(task.errors) for task in findings)
    warnings = sum(len(prompt.warnings) for task in findings for prompt in task.prompts)
    warnings += sum(len(task.file_warnings) for task in findings)
    templates = sum(len(task.prompts) for task in findings)
    counts = ((templates, "template"), (errors, "error"), (warnings, "warning"))
    _print_line(console, ", ".join(pluralize(*count) for count in counts))


def findings_json(findings: Sequence[TaskFindings]) -> dict[str, JSON]:
    """The findings as one object."""
    return {
        "tasks": [
            {
                "task": task.task,
                "errors": [error.as_json() for error in task.file_errors],
                "warnings": list(task.file_warnings),
                "prompts": [_prompt_json(prompt) for prompt in task.prompts],
            }
            for task in findings
        ],
    }


def _print_prompt(console: Console, task: str, prompt: PromptFindings) -> None:
    mark, style = ("✓", "green")
    if prompt.errors or prompt.warnings:
        mark, style = ("✗", "red") if prompt.errors else ("!", "yellow")
    _print_line(console, f"{mark} {task}/{prompt.name}", style)
    for error in prompt.errors:
        _print_line(console, f"  error: {error}")
    for warning in prompt.warnings:
        _print_line(console, f"  warning: {warning}")
    for rendering in prompt.rendered:
        counts = [pluralize(rendering.characters, "character")]
        counts += [f"{pluralize(n, 'token')} ({model})" for model, n in rendering.tokens.items()]
        _print_line(console, f"  row {rendering.row_id}: {', '.join(counts)}", "dim")
        for line in rendering.conversation.as_text().split("\n"):
            _print_line(console, f"    {line}", "dim")
        if rendering.choices:
            _print_line(console, f"    choices: {list(rendering.choices)!r}", "dim")


def _print_line(console: Console, line: str, style: str = "") -> None:
    """Print a line unfolded, so that no part of it begins a line of its own."""
    console.print(Text(escape_commands(line), style=style), soft_wrap=True)


def _prompt_json(prompt: PromptFindings) -> dict[str, JSON]:
    return {
        "name": prompt.name,
        "errors": [error.as_json() for error in prompt.errors],
        "warnings": list(prompt.warnings),
        "rendered": [
            {
                "row": rendering.row_id,
                "characters": rendering.characters,
                "tokens": rendering.tokens,
                "text": rendering.conversation.as_text(),
                "choices": list(rendering.choices),
            }
            for rendering in prompt.rendered
        ],
    }
