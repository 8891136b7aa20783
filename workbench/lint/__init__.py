"""Errors and likely mistakes in the templates of a task, found without calling a model.

prompts/sentiment/few_shot.jinja: the template doesn't use the column 'source'
"""

from workbench.lint.judge_files import lint_judges
from workbench.lint.task import PromptFindings, Rendering, TaskFindings, lint_task

__all__ = ["PromptFindings", "Rendering", "TaskFindings", "lint_judges", "lint_task"]
