"""Judges checked against what they read: inputs, outputs, expectations, or a pair of answers.

lint_judges(project, redactor).prompts      (PromptFindings("helpful", errors=(), …), …)
"""

from workbench.errors import WorkbenchError, unknown_name
from workbench.judges.judge_requests import PAIR_VARIABLES, READ_VARIABLES
from workbench.lint.task import PromptFindings, TaskFindings
from workbench.lint.warnings import file_warnings, text_warnings
from workbench.model.types import JUDGES
from workbench.plan import refuse_secret
from workbench.project import Project
from workbench.prompt import Prompt, Renderer, folder_reader, list_prompts, load_prompt
from workbench.secrets import Redactor


def lint_judges(project: Project, redactor: Redactor | None = None) -> TaskFindings:
    """Read every judge of the project, and check its scores and variables."""
    redactor = redactor or Redactor()
    read = folder_reader(project.prompts)
    findings: list[PromptFindings] = []
    with Renderer() as renderer:
        for name in list_prompts(project.prompts / JUDGES):
            try:
                prompt = load_prompt(JUDGES, name, read, renderer)
                refuse_secret(prompt, redactor)
            except WorkbenchError as error:
                findings.append(PromptFindings(name, (error,)))
                continue
            raw = read(f"{JUDGES}/{name}.jinja") or b""
            warnings = (*file_warnings(raw, prompt.where()), *text_warnings(prompt))
            findings.append(PromptFindings(name, tuple(_errors(prompt)), warnings))
    return TaskFindings(JUDGES, tuple(findings))


def _errors(prompt: Prompt) -> list[WorkbenchError]:
    if not prompt.settings.scores:
        fix = "add them to the front matter: scores: {yes: 1, no: 0}"
        return [WorkbenchError("a judge needs `scores`", where=prompt.where(), fix=fix)]
    names = (*READ_VARIABLES, "outputs", *PAIR_VARIABLES)
    return [
        unknown_name("variable of a judge", name, names, where=prompt.where(line))
        for name, line in prompt.variables.items()
        if name not in names
    ]
