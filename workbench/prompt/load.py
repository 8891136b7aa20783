"""Prompts loaded from template files: front matter and text, from the folder or a git revision.

---
description: examples first
stop: END
---
user:
{{ text }}
"""

import errno
import os
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workbench.document import file_kind, parse_document
from workbench.errors import NotFoundError, WorkbenchError, located
from workbench.model.types import JUDGES
from workbench.parameters import PARAMETERS, check_parameters
from workbench.prompt.check import check_templates
from workbench.prompt.choices import Normalization, is_template, row_choices
from workbench.prompt.partials import PartialInliner, Reader
from workbench.prompt.prompt import Prompt
from workbench.prompt.renderer import Renderer
from workbench.prompt.schema_faults import schema_fault
from workbench.prompt.settings import PromptSettings, settings_from_json
from workbench.prompt.source import plain_text, without_last_blanks
from workbench.prompt.tools import read_tools

FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
# A first line --- and keys below it, without a line that ends them.
OPEN_FRONT_MATTER = re.compile(
    r"\A---[ \t]*((?:\n"
    r"(?:description|chat|parameters|stop|choices|scores|normalize|response_schema|tools)"
    r"[ \t]*:.*)+)"
)


def _as_list(entry: Any) -> Any:
    return [entry] if isinstance(entry, str | dict) else entry


_ELSEWHERE = {  # keys of Prompty, Dotprompt and others
    **dict.fromkeys(("name", "id"), "leave it out: the file's name is the prompt's"),
    **dict.fromkeys(
        ("authors", "metadata", "tags", "version"), "leave it out, or describe it in `description`"
    ),
    **dict.fromkeys(
        ("model", "models", "provider"),
        "write models into experiment.yaml, their parameters into `parameters`",
    ),
    **dict.fromkeys(("config", "configuration", "modelParameters", "model_config"), "parameters"),
    **{name: f"write `parameters: {{{name}: …}}`" for name in PARAMETERS},
    **dict.fromkeys(
        ("input", "inputs", "sample", "samples", "testData"),
        "write rows into the dataset; their columns are the variables",
    ),
    **dict.fromkeys(("output", "outputs", "schema"), "response_schema"),
    **dict.fromkeys(("format", "template", "template_format"), "leave it out: a template is Jinja"),
    "evaluators": "write them into experiment.yaml",
    "messages": "write each message below the front matter, under a line of its role: user:",
}


class FrontMatter(BaseModel):
    """The shape of a template's front matter."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"synonyms": dict(_ELSEWHERE)}
    )
    description: str = ""
    chat: bool = True
    parameters: dict[str, Any] = Field(default_factory=dict)
    stop: Annotated[list[str] | None, BeforeValidator(_as_list)] = None
    choices: Annotated[list[str], BeforeValidator(_as_list)] = Field(default_factory=list)
    scores: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(default_factory=dict)
    normalize: Normalization = "none"
    response_schema: dict[str, Any] | None = None
    tools: Annotated[list[str | dict[str, Any]], BeforeValidator(_as_list)] = Field(
        default_factory=list
    )


def folder_reader(prompts: Path) -> Reader:
    """A reader of the working copies; it refuses links that lead out of `prompts`."""
    root = prompts.resolve()

    def read(path: str) -> bytes | None:
        where = f"prompts/{path}"
        try:
            file = (root / path).resolve(strict=True)
            if not file.is_relative_to(root):
                fix = "copy the file into prompts/"
                raise WorkbenchError("the link leads out of prompts/", where=where, fix=fix)
            if (kind := file_kind(file)) not in ("", "a folder"):
                raise WorkbenchError(f"is {kind}, not a file", where=where, fix="put a file there")
            return None if kind else file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before 3.13
            number = error.errno if isinstance(error, OSError) else errno.ELOOP
            loop = number == errno.ELOOP
            reason = "a link that leads to itself" if loop else os.strerror(number or errno.EIO)
            raise WorkbenchError(
                f"can't be read: {reason}", where=where, fix="make it a readable file"
            ) from error

    return read


def git_reader(prompts: Path, revision: str) -> Reader:
    """A reader of the files at a git revision.

    Raises:
        WorkbenchError: no git repository, or no such revision.
    """

    def git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                ["git", "-C", str(prompts), *arguments], capture_output=True, check=False
            )
        except FileNotFoundError as error:
            raise WorkbenchError("git is not installed", fix="install git") from error

    if git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
        raise WorkbenchError(
            f"no git revision {revision!r}",
            fix="`git log --oneline` lists them; a project outside git has none",
        )

    def read(path: str) -> bytes | None:
        shown = git("show", f"{revision}:./{path}")
        return shown.stdout if shown.returncode == 0 else None

    return read


def list_prompts(folder: Path) -> list[str]:
    """Names of a task's templates; files that begin with `_` are partials."""
    return sorted(file.stem for file in folder.glob("*.jinja") if not file.name.startswith("_"))


def load_prompt(task: str, ref: str, read: Reader, renderer: Renderer) -> Prompt:
    """The checked template `<task>/<name>.jinja`.

    Raises:
        WorkbenchError: it is missing, or not a template; with file, line and column.
    """
    (prompt,) = check_templates([read_template(task, ref, read)], renderer)
    return prompt


def read_template(task: str, ref: str, read: Reader) -> Prompt:
    """The template `<task>/<name>.jinja`, for `check_templates`.

    Args:
        task: its folder.
        ref: its name in the experiment file: `few_shot`, `few_shot@git:main`.
        read: reader of the working copies or of a git revision.

    Raises:
        WorkbenchError: it is missing, or its front matter or a partial has an error.
    """
    name = ref.partition("@")[0]
    path = f"{task}/{name}.jinja"
    where = f"prompts/{path}"
    raw = read(path)
    if raw is None:
        raise NotFoundError(f"no prompt {ref!r}", where=where)
    text = plain_text(raw, where=where)
    front, choices_where, body, first_line = _split_front_matter(text, path, read)
    source, origins = PartialInliner(read).inline(body, path, first_line)
    source = without_last_blanks(source)
    return Prompt(
        task=task,
        name=name,
        ref=ref,
        template=source,
        source=source,
        settings=_settings(front),
        description=front.description,
        origins=tuple(origins),
        choices_where=choices_where,
    )


def _split_front_matter(text: str, path: str, read: Reader) -> tuple[FrontMatter, str, str, int]:
    """The front matter, the line of its choices, the text below it, and that text's first line."""
    where = f"prompts/{path}"
    match = FRONT_MATTER.match(text)
    if not match:
        if open_match := OPEN_FRONT_MATTER.match(text):
            line = text.count("\n", 0, open_match.end(1)) + 1
            raise WorkbenchError(
                "the front matter that begins here is not closed",
                where=f"{where}:1",
                fix=f"write --- on a line of its own after line {line}",
            )
        return FrontMatter(), "", text, 1
    document = parse_document(match[1], where, first_line=2)
    front = FrontMatter()
    if document.content is not None:
        front = document.check(FrontMatter)
        check_parameters(front.parameters, where=partial(document.where, "parameters"))
        check_parameters({"stop": front.stop or None}, where=document.where)
    if front.stop is not None and "stop" in front.parameters:
        where = document.where("parameters", "stop")
        raise WorkbenchError("`stop` is set twice", where=where, fix="keep the top-level one")
    for key in ("response_schema", "tools"):
        if front.choices and getattr(front, key):
            raise WorkbenchError(
                f"`choices` and `{key}` are both set",
                where=document.where(key),
                fix="keep one of them",
            )
    if front.tools and not front.chat:
        where, fix = document.where("tools"), "remove `tools` or `chat: false`"
        raise WorkbenchError("a raw text (`chat: false`) can't have tools", where=where, fix=fix)
    if front.scores:
        with located(document.where("scores")):
            front.choices = _check_scores(front, path.partition("/")[0])
    if fault := schema_fault(front.response_schema or {}):
        where, fix = document.where("response_schema"), "write a JSON schema"
        raise WorkbenchError(f"`response_schema`: {fault}", where=where, fix=fix)
    front.tools = read_tools(front.tools, path, read, partial(document.where, "tools"))
    choices_where = document.where("choices") if front.choices else ""
    with located(choices_where):
        _check_choices(front, normalize_where=document.where("normalize"))
    return front, choices_where, text[match.end() :], text.count("\n", 0, match.end()) + 1


def _check_scores(front: FrontMatter, task: str) -> list[str]:
    """The choices of a judge, which its scores name."""
    if task != JUDGES:
        fix = f"move the file into prompts/{JUDGES}/, and name it under `evaluators:`"
        raise WorkbenchError("`scores` belongs to a judge", fix=fix)
    for key in ("choices", "response_schema", "tools"):
        if getattr(front, key):
            raise WorkbenchError(f"`scores` and `{key}` are both set", fix=f"remove `{key}`")
    if len(front.scores) < 2:
        raise WorkbenchError("`scores` has one choice", fix="scores: {yes: 1, no: 0}")
    if any(map(is_template, front.scores)):
        raise WorkbenchError("`scores` are the same for all rows", fix="write the choices out")
    return list(row_choices(list(front.scores)))


def _check_choices(front: FrontMatter, *, normalize_where: str) -> None:
    """Check what can be checked without rows."""
    if front.normalize != "none" and not front.choices:
        raise WorkbenchError(
            "`normalize` is set without `choices`", where=normalize_where, fix="remove it"
        )
    if not front.choices or any(map(is_template, front.choices)):
        return
    try:
        row_choices(front.choices)
    except WorkbenchError as error:
        error.message = f"`choices` {error.message}"
        if len(front.choices) == 1:
            error.fix = 'write at least two texts, or an expression: choices: "{{ options }}"'
        raise


def _settings(front: FrontMatter) -> PromptSettings:
    settings = front.model_dump()
    stop = settings["parameters"].pop("stop", None)
    return settings_from_json(settings if stop is None else {**settings, "stop": _as_list(stop)})
