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
        response_schema=settings.get("response_schema"),
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

    def with_version(self, version: int) -> "Prompt":
        """The same prompt with its number in the registry."""
        return replace(self, version=version)

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
            renderer: renders them.
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
                    raise self._render_error(rendered.error, rendered.line, row, row_id)
                if self.settings.chat:
                    yield markers.split(rendered.text, where=where, row=row_id)
                else:
                    yield Conversation(text=rendered.text)

    def _render_error(
        self, error: str, line: int, row: Mapping[str, JSON], row_id: str
    ) -> WorkbenchError:
        where = f"{self.where(line)}:{self.column(error, line)}"
        if missing := re.match(r"'(\w+)' is undefined", error):
            unknown = unknown_name("variable", missing[1], row, where=where)
            unknown.message += f" (row {row_id})"
            return unknown
        error, _, names = error.partition(", which has: ")
        fix = f"it has: {names}" if names else suggest_fix(error, row)
        return WorkbenchError(f"{error} (row {row_id}){self.context(line)}", where=where, fix=fix)

    def column(self, error: str, line: int) -> int:
        """The most likely column of an error on a line of `source`, from 1."""
        lines = self.source.split("\n")
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        for word in re.findall(r"'([^']+)'", error):
            if word in text:
                return text.index(word) + 1
        tag = re.search(r"\{[{%#]", text)
        return tag.start() + 1 if tag else 1

    def context(self, line: int) -> str:
        """The source around `line`, which is marked: up to three lines; empty for line 0."""
        shown = ""
        for number, text in enumerate(self.source.split("\n"), 1):
            if line > 0 and abs(number - line) <= 1:
                file_line = self.where(number).rsplit(":", 1)[1]
                shown += f"\n  {'>' if number == line else ' '} {file_line:>4} | {text[:MAX_SHOWN]}"
        return shown


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
        raise WorkbenchError(
            f"{parsed.error}{prompt.context(parsed.line)}",
            where=f"{prompt.where(parsed.line)}:{prompt.column(parsed.error, parsed.line)}",
            fix=suggest_fix(parsed.error),
        )
    for tag, line in parsed.tags.items():
        raise WorkbenchError(
            f"`{tag}` is not allowed here",
            where=prompt.where(line),
            fix='only {% include "_name.jinja" %} is allowed, with a literal name',
        )
    return replace(prompt, variables=parsed.variables)
