"""A prompt template, checked and ready to render.

Prompt(task="sentiment", name="zero_shot", template=(Message("user", "… {{ text }}"),), …)
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property

from workbench.canonical import JSON, digest, ordered_json
from workbench.conversation import Conversation, Message
from workbench.errors import WorkbenchError, unknown_name
from workbench.prompt.hints import suggest_fix
from workbench.prompt.renderer import Renderer
from workbench.prompt.source import Markers, as_source, segments, unescaped, without_last_blanks

Template = tuple[Message, ...] | str
Origin = tuple[str, int]  # file and line
MAX_SHOWN = 120  # characters shown of a line


@dataclass(frozen=True)
class PromptSettings:
    """The settings in the front matter.

    Attributes:
        chat: False: the rendered text is sent raw, for base models and plain-text few-shot.
        stop: texts that end an answer; None: not set.
        choices: the only answers allowed.
        response_schema: a JSON schema the answer must follow.
    """

    chat: bool = True
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    stop: tuple[str, ...] | None = None
    choices: tuple[str, ...] = ()
    response_schema: Mapping[str, JSON] | None = None

    def as_json(self) -> dict[str, JSON]:
        """JSON without the defaults, so equal settings give equal JSON."""
        settings = {
            "chat": None if self.chat else False,
            "parameters": dict(self.parameters) or None,
            "stop": None if self.stop is None else list(self.stop),
            "choices": list(self.choices) or None,
            "response_schema": self.response_schema,
        }
        return {name: value for name, value in settings.items() if value is not None}


def settings_from_json(settings: Mapping[str, JSON]) -> PromptSettings:
    """The inverse of `PromptSettings.as_json`."""
    stop = settings.get("stop")
    return PromptSettings(
        chat=settings.get("chat", True),
        parameters=settings.get("parameters") or {},
        stop=None if stop is None else tuple(stop),
        choices=tuple(settings.get("choices") or ()),
        response_schema=settings.get("response_schema") or None,
    )


@dataclass(frozen=True)
class Prompt:
    """One version of a template.

    Attributes:
        ref: its name in the experiment file: `few_shot`, `few_shot@3`.
        template: messages whose contents are Jinja source if every role line stands outside
            blocks; otherwise the source as one text.
        source: the text to render, partials included.
        origins: file and line of each line of `source`.
        variables: those that the data must have, with their first line in `source`.
        version: number in the registry; None: not known yet.
    """

    task: str
    name: str
    ref: str
    template: Template
    source: str
    settings: PromptSettings = PromptSettings()
    description: str = ""
    origins: tuple[Origin, ...] = ()
    variables: Mapping[str, int] = field(default_factory=dict)
    version: int | None = None

    @property
    def registered_name(self) -> str:
        """Name in MLflow's registry."""
        return f"{self.task}.{self.name}"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of template and settings; the description is left out."""
        settings = self.settings.as_json()
        if self.settings.response_schema is not None:
            settings["response_schema"] = ordered_json(self.settings.response_schema)
        return digest({"template": template_json(self.template), **settings})

    def where(self, line: int = 1) -> str:
        """`file:line` of a line of `source`."""
        if not self.origins:
            return f"{self.registered_name}@{self.version}:{line}"
        file, number = self.origins[min(max(line, 1), len(self.origins)) - 1]
        return f"{file}:{number}"

    def render(
        self, renderer: Renderer, rows: Sequence[Mapping[str, JSON]], ids: Iterable[str]
    ) -> Iterator[Conversation]:
        """One conversation per row, in order; some rows are rendered ahead.

        Args:
            renderer: the child process.
            rows: the variables of each row.
            ids: of the rows, for error messages.

        Raises:
            WorkbenchError: a row that doesn't render, with the template's file and line.
        """
        markers = Markers()
        marked = markers.mark(self.source) if self.settings.chat else self.source
        where = self.where()
        with closing(renderer.render(marked, rows)) as texts:
            for rendered, row, row_id in zip(texts, rows, ids, strict=False):
                if rendered.error:
                    raise self.error_at(rendered.line, rendered.error, row=row, row_id=row_id)
                if self.settings.chat:
                    yield markers.split(rendered.text, where=where, row=row_id)
                else:
                    yield Conversation(text=rendered.text)

    def error_at(
        self, line: int, error: str, *, row: Mapping[str, JSON] | None = None, row_id: str = ""
    ) -> WorkbenchError:
        """The error on a line of `source` with its column, the lines around it, and a fix.

        Line 0 is an unknown line; without `row` nothing was rendered yet.
        """
        lines = self.source.split("\n")
        column = _likely_column(lines[line - 1] if 0 < line <= len(lines) else "", error)
        where = f"{self.where(line)}:{column}"
        row_name = f" (row {row_id})" if row_id else ""
        if row is not None and (missing := re.match(r"'(\w+)' is undefined", error)):
            unknown = unknown_name("variable", missing[1], row, where=where)
            unknown.message += row_name
            return unknown
        error, _, names = error.partition(", which has: ")
        fix = f"it has: {names}" if names else suggest_fix(error, row)
        shown = ""
        for number in range(max(1, line - 1), min(line + 1, len(lines)) + 1) if line > 0 else ():
            mark, file_line = ">" if number == line else " ", self.where(number).rsplit(":", 1)[1]
            shown += f"\n  {mark} {file_line:>4} | {lines[number - 1][:MAX_SHOWN]}"
        return WorkbenchError(f"{error}{row_name}{shown}", where=where, fix=fix)


def _likely_column(line: str, error: str) -> int:
    for word in re.findall(r"'([^']+)'", error):
        if word in line:
            return line.index(word) + 1
    tag = re.search(r"\{[{%#]", line)
    return tag.start() + 1 if tag else 1


def split_template(source: str, *, chat: bool, renderer: Renderer) -> Template:
    """The stored form of a source: messages if every role line stands outside blocks, else text."""
    if not chat:
        return without_last_blanks(source)
    before, parts = segments(source)
    parsed = renderer.parse([part.content for part in parts])
    without_comments = re.sub(r"\{#.*?#\}", "", before, flags=re.DOTALL)
    if without_comments.strip() or any(part.error for part in parsed):
        return without_last_blanks(source)
    return tuple(Message(part.role, unescaped(part.content)) for part in parts)


def template_json(template: Template) -> JSON:
    """A template as JSON: a text or a list of messages."""
    return template if isinstance(template, str) else [m.as_json() for m in template]


def template_source(template: Template) -> str:
    """The source of a template; the inverse of `split_template`."""
    return template if isinstance(template, str) else as_source(template)


def check_template(prompt: Prompt, renderer: Renderer) -> Prompt:
    """`prompt` with the variables of its source.

    Raises:
        WorkbenchError: a syntax error with file, line, column and context, or a banned tag.
    """
    (parsed,) = renderer.parse([prompt.source])
    if parsed.error:
        raise prompt.error_at(parsed.line, parsed.error)
    for tag, line in parsed.tags.items():
        raise WorkbenchError(
            f"`{tag}` is not allowed here",
            where=prompt.where(line),
            fix='only {% include "_name.jinja" %} is allowed, with a literal name',
        )
    return replace(prompt, variables=parsed.variables)
