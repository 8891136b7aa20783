"""From files to prompts: front matter, partials, the folder or a git revision.

load_prompt("sentiment", "few_shot", folder_reader(prompts), renderer)
"""

import errno
import os
import re
import subprocess
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workbench.canonical import ordered_json
from workbench.document import Document, file_kind, parse_document
from workbench.errors import NotFoundError, WorkbenchError, unknown_name
from workbench.parameters import check_parameters
from workbench.prompt.partials import Flattening, Reader
from workbench.prompt.prompt import Prompt, PromptSettings, Template, check_template, split_template
from workbench.prompt.renderer import Renderer
from workbench.prompt.source import (
    SHORTER,
    plain_text,
    without_last_blanks,
)

FILL = "write `user:` and a text"
COMMENT = re.compile(r"\{#.*?(?:#\}|\Z)", re.DOTALL)
LONGEST = 100_000  # characters that a tag of MLflow's registry may have
FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)


# A first line --- and keys under it, with no line that ends them.
FRONT_MATTER_BEGUN = re.compile(
    r"\A---[ \t]*((?:\n(?:description|chat|parameters|stop|choices|response_schema)[ \t]*:.*)+)"
)


class FrontMatter(BaseModel):
    """The shape of a template's front matter."""

    model_config = ConfigDict(extra="forbid", strict=True)
    description: str = ""
    chat: bool = True
    parameters: dict[str, Any] = Field(default_factory=dict)
    stop: Annotated[
        list[str] | None, BeforeValidator(lambda said: [said] if isinstance(said, str) else said)
    ] = None
    choices: list[str] = Field(default_factory=list)
    response_schema: dict[str, Any] | None = None


def folder_reader(prompts: Path) -> Reader:
    """Reads the working copies; a link that leads out of `prompts` is refused."""
    root = prompts.resolve()

    def read(path: str) -> bytes | None:
        try:
            file = (root / path).resolve(strict=True)
            if not file.is_relative_to(root):
                fix = "put a copy of the file into prompts/"
                said = "leads out of the folder of prompts"
                raise WorkbenchError(said, where=f"prompts/{path}", fix=fix)
            if (kind := file_kind(file)) not in ("", "a folder"):
                said = f"is {kind}, not a file"
                raise WorkbenchError(said, where=f"prompts/{path}", fix="put a file there")
            return None if kind else file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before 3.13
            number = error.errno if isinstance(error, OSError) else errno.ELOOP
            loop = number == errno.ELOOP
            said = "a link that leads to itself" if loop else os.strerror(number or errno.EIO)
            fix = "make it a file that you may read"
            raise WorkbenchError(
                f"can't be read: {said}", where=f"prompts/{path}", fix=fix
            ) from error

    return read


def git_reader(prompts: Path, revision: str) -> Reader:
    """Reads the files as they were at `revision`.

    Raises:
        WorkbenchError: no git repository, or no such revision.
    """

    def git(*words: str) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                ["git", "-C", str(prompts), *words], capture_output=True, check=False
            )
        except FileNotFoundError as error:
            raise WorkbenchError("git is not installed", fix="install git") from error

    if git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").returncode:
        raise WorkbenchError(
            f"no git revision {revision!r}",
            fix="`git log --oneline` lists them; a project outside git has none",
        )

    def read(path: str) -> bytes | None:
        found = git("show", f"{revision}:./{path}")
        return found.stdout if found.returncode == 0 else None

    return read


def list_prompts(folder: Path) -> list[str]:
    """The names of a task's templates; files that begin with `_` are partials."""
    return sorted(file.stem for file in folder.glob("*.jinja") if not file.name.startswith("_"))


def load_prompt(task: str, ref: str, read: Reader, renderer: Renderer) -> Prompt:
    """The template `<task>/<name>.jinja` that `read` finds, checked.

    Args:
        task: the folder.
        ref: what the experiment calls it; the name is what stands before an `@`.
        read: the working copies, or those of a git revision.
        renderer: the process that parses.

    Raises:
        WorkbenchError: it is missing, or not a template; with file, line and column.
    """
    name = ref.partition("@")[0]
    path = f"{task}/{name}.jinja"
    where = f"prompts/{path}"
    raw = read(path)
    if raw is None:
        raise NotFoundError(f"no prompt {ref!r}", where=where)
    text = plain_text(raw, where=where)
    front, body, first_line = _front_matter(text, where)
    if not body.strip():
        raise WorkbenchError("the template is empty", where=where, fix=FILL)
    source, origins = Flattening(read).of(body, path, first_line)
    prompt = Prompt(
        task=task,
        name=name,
        ref=ref,
        template="",
        source=without_last_blanks(source),
        settings=_settings(front),
        description=front.description,
        origins=tuple(origins),
    )
    prompt = check_template(prompt, renderer)
    template = split_template(prompt.source, chat=front.chat, renderer=renderer)
    _check_length(template, where)
    _check_text(template, where)
    return replace(prompt, template=template)


def _check_text(template: Template, where: str) -> None:
    """Comments and role lines alone would be paid for, an empty message a row."""
    pieces = [template] if isinstance(template, str) else [m.content for m in template]
    if not any(COMMENT.sub("", piece).strip() for piece in pieces):
        raise WorkbenchError("the template is empty", where=where, fix=FILL)


def _check_length(template: Template, where: str) -> None:
    """A run registers every prompt, so what the registry can't take is refused before it."""
    stored = (
        template if isinstance(template, str) else ordered_json([m.as_json() for m in template])
    )
    if len(stored) > LONGEST:
        raise WorkbenchError(
            f"{len(stored):,} characters with its partials; MLflow's registry takes {LONGEST:,}",
            where=where,
            fix=SHORTER,
        )


def missing_prompt(task: str, name: str, folder: Path, *, where: str = "") -> WorkbenchError:
    """The error for a prompt that isn't there, with those that are."""
    return unknown_name(f"prompt of task {task!r}:", name, list_prompts(folder), where=where)


def _front_matter(text: str, where: str) -> tuple[FrontMatter, str, int]:
    """What stands between the `---` lines, the rest, and the line the rest begins on."""
    match = FRONT_MATTER.match(text)
    if not match:
        if begun := FRONT_MATTER_BEGUN.match(text):
            line = text.count("\n", 0, begun.end(1)) + 1
            said = "the front matter that begins here is not closed"
            fix = f"write --- on a line of its own after line {line}"
            raise WorkbenchError(said, where=f"{where}:1", fix=fix)
        return FrontMatter(), text, 1
    document = parse_document(match[1], where, first_line=2)
    if document.content is None:
        front = FrontMatter()
    else:
        front = document.check(FrontMatter)
        check_parameters(front.parameters, where=partial(document.where, "parameters"))
        _check_said_once(front, document)
    return front, text[match.end() :], text.count("\n", 0, match.end()) + 1


def _check_said_once(front: FrontMatter, document: Document) -> None:
    if front.stop is not None and "stop" in front.parameters:
        where = document.where("parameters", "stop")
        raise WorkbenchError("`stop` stands twice", where=where, fix="keep the top-level one")
    if front.choices and front.response_schema:
        raise WorkbenchError(
            "`choices` and `response_schema` both say what an answer may be",
            where=document.where("response_schema"),
            fix="keep one",
        )


def _settings(front: FrontMatter) -> PromptSettings:
    parameters = {name: value for name, value in front.parameters.items() if name != "stop"}
    stop = front.stop if front.stop is not None else front.parameters.get("stop")
    return PromptSettings(
        chat=front.chat,
        parameters=parameters,
        stop=None if stop is None else tuple([stop] if isinstance(stop, str) else stop),
        choices=tuple(front.choices),
        response_schema=front.response_schema or None,
    )
