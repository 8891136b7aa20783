"""What is wrong, or likely wrong, with the templates of a task, found without a model.

lint_task(project, "sentiment", examples=1)
    -> TaskFindings(task="sentiment", prompts=(PromptFindings("few_shot", errors=(), …), …))
"""

from workbench.lint.task import PromptFindings, Rendering, TaskFindings, lint_task

__all__ = ["PromptFindings", "Rendering", "TaskFindings", "lint_task"]
