"""A prompt written back into its template file.

sentiment.few_shot, version 3  ->  prompts/sentiment/few_shot.jinja
"""

import io
from pathlib import Path

from ruamel.yaml import YAML

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.prompt.load import folder_reader, load_prompt
from workbench.prompt.prompt import Prompt
from workbench.prompt.renderer import Renderer
from workbench.prompt.source import template_source

UNFOLDED = 100_000  # columns: a long value stays on its line, as in a diff of two prompts


def write_prompt(prompt: Prompt, project: Project, renderer: Renderer, *, force: bool) -> Path:
    """The file that now holds `prompt`, written in one step.

    Partials are written in place: a stored version knows no files.

    Raises:
        WorkbenchError: the working copy has other content, and `force` is not set.
    """
    folder = project.prompts / prompt.task
    file = folder / f"{prompt.name}.jinja"
    if file.is_file():
        working = load_prompt(prompt.task, prompt.name, folder_reader(project.prompts), renderer)
        if working.digest == prompt.digest:
            return file
        if not force:
            raise WorkbenchError(
                f"the working copy differs from {prompt.ref}",
                where=project.display_path(file),
                fix=f"compare them with `workbench prompts diff {prompt.task}/{prompt.ref}`, "
                "then add --force to replace it",
            )
    folder.mkdir(parents=True, exist_ok=True)
    new_file = file.with_suffix(".jinja.new")
    new_file.write_text(template_text(prompt), encoding="utf-8")
    new_file.replace(file)
    return file


def template_text(prompt: Prompt) -> str:
    """The content of a template file: front matter if anything is set, then the source."""
    settings = prompt.settings.as_json()
    front = {"description": prompt.description, **settings} if prompt.description else settings
    body = template_source(prompt.template) + "\n"
    if not front:
        return body
    out = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = UNFOLDED
    yaml.dump(front, out)
    return f"---\n{out.getvalue()}---\n{body}"
