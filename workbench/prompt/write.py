"""Writing a prompt back into its template file.

Prompt (version 3 of the registry)  ->  prompts/sentiment/few_shot.jinja
"""

import io
from pathlib import Path

from ruamel.yaml import YAML

from workbench.errors import WorkbenchError
from workbench.project import Project
from workbench.prompt.load import folder_reader, load_prompt
from workbench.prompt.prompt import Prompt, template_source
from workbench.prompt.renderer import Renderer


def write_prompt(prompt: Prompt, project: Project, renderer: Renderer, *, force: bool) -> Path:
    """The file that now holds `prompt`, written aside and renamed.

    Partials are written in place: a stored version knows nothing of files.

    Raises:
        WorkbenchError: the working copy has other content, and `force` is not given.
    """
    folder = project.prompts / prompt.task
    file = folder / f"{prompt.name}.jinja"
    if file.is_file():
        here = load_prompt(prompt.task, prompt.name, folder_reader(project.prompts), renderer)
        if here.digest == prompt.digest:
            return file
        if not force:
            raise WorkbenchError(
                f"the working copy differs from {prompt.ref}",
                where=project.display_path(file),
                fix=f"look with `workbench prompts diff {prompt.task}/{prompt.ref}`, "
                "then add --force to replace it",
            )
    folder.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".jinja.new")
    aside.write_text(template_text(prompt), encoding="utf-8")
    aside.replace(file)
    return file


def template_text(prompt: Prompt) -> str:
    """The whole file: front matter where something has to be said, then the source."""
    said = prompt.settings.as_json()
    front = {"description": prompt.description, **said} if prompt.description else said
    body = template_source(prompt.template) + "\n"
    if not front:
        return body
    out = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(front, out)
    return f"---\n{out.getvalue()}---\n{body}"
