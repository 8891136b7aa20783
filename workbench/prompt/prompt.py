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
from workbench.prompt.hints import mending
from workbench.prompt.renderer import Parsed, Renderer
from workbench.prompt.source import Markers, as_source, segments, unescaped, without_last_blanks

Template = tuple[Message, ...] | str
Origin = tuple[str, int]  # file and line
WIDEST = 120  # characters shown of a line


@dataclass(frozen=True)
class PromptSettings:
    """What the front matter says beside the text.

    Attributes:
        chat: False: the rendered text is sent raw, for base models and plain-text few-shot.
        stop: texts that end an answer; None where the prompt doesn't say.
        choices: the only answers wanted.
        response_schema: a JSON schema the answer must follow.
    """

    chat: bool = True
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    stop: tuple[str, ...] | None = None
    choices: tuple[str, ...] = ()
    response_schema: Mapping[str, JSON] | None = None

    def as_json(self) -> dict[str, JSON]:
        """What is left out is at its default, so equal settings are equal JSON."""
        said = {
            "chat": None if self.chat else False,
            "parameters": dict(self.parameters) or None,
            "stop": None if self.stop is None else list(self.stop),
            "choices": list(self.choices) or None,
            "response_schema": self.response_schema,
        }
        return {name: value for name, value in said.items() if value is not None}


def settings_from_json(said: Mapping[str, JSON]) -> PromptSettings:
    """The inverse of `PromptSettings.as_json`."""
    stop = said.get("stop")
    return PromptSettings(
        chat=said.get("chat", True),
        parameters=said.get("parameters") or {},
        stop=None if stop is None else tuple(stop),
        choices=tuple(said.get("choices") or ()),
        response_schema=said.get("response_schema"),
    )


@dataclass(frozen=True)
class Prompt:
    """One content of a template.

    Attributes:
        ref: as the experiment names it: `few_shot`, `few_shot@3`.
        template: messages whose contents are Jinja source, where every role line stands outside
            blocks; otherwise the whole source as one text.
        source: what is rendered; partials are in it.
        origins: file and line of each line of `source`.
        variables: those the data must bring, with their first line in `source`.
        version: the registry's number; None while it isn't known.
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
        """Its name in MLflow's registry."""
        return f"{self.task}.{self.name}"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what decides the text and the answer; not of the description."""
        template = (
            self.template
            if isinstance(self.template, str)
            else [message.as_json() for message in self.template]
        )
        settings = self.settings.as_json()
        if self.settings.response_schema is not None:
            settings["response_schema"] = ordered_json(self.settings.response_schema)
        return digest({"template": template, **settings})

    def with_version(self, version: int) -> "Prompt":
        """The same prompt, its number in the registry known."""
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
        """One conversation a row, in order; some rows are rendered ahead.

        Args:
            renderer: the process that renders.
            rows: the variables of each row.
            ids: what messages call the rows.

        Raises:
            WorkbenchError: a row that doesn't render, with the template's file and line.
        """
        markers = Markers()
        marked = markers.mark(self.source) if self.settings.chat else self.source
        where = self.where()
        with closing(renderer.render(marked, rows)) as texts:
            for rendered, row, row_id in zip(texts, rows, ids, strict=False):
                if rendered.error:
                    raise self._unrendered(rendered.error, rendered.line, row, row_id)
                if self.settings.chat:
                    yield markers.split(rendered.text, where=where, row=row_id)
                else:
                    yield Conversation(text=rendered.text)

    def _unrendered(
        self, error: str, line: int, row: Mapping[str, JSON], row_id: str
    ) -> WorkbenchError:
        place = f"{self.where(line)}:{self.column(error, line)}"
        missing = re.match(r"'(\w+)' is undefined", error)
        if missing:
            found = unknown_name("variable", missing[1], row, where=place)
            found.message += f" (row {row_id})"
            return found
        error, _, names = error.partition(", which has: ")
        fix = f"it has: {names}" if names else mending(error, row)
        return WorkbenchError(f"{error} (row {row_id}){self.context(line)}", where=place, fix=fix)

    def column(self, error: str, line: int) -> int:
        """Where on a line of `source` an error most likely stands, from 1."""
        lines = self.source.split("\n")
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        for word in re.findall(r"'([^']+)'", error):
            if word in text:
                return text.index(word) + 1
        tag = re.search(r"\{[{%#]", text)
        return tag.start() + 1 if tag else 1

    def context(self, line: int) -> str:
        """Three lines of the source around `line`, that one marked; empty for line 0."""
        lines = self.source.split("\n")
        first = max(1, line - 1)
        return "".join(
            f"\n  {'>' if number == line else ' '} {self.where(number).rsplit(':', 1)[1]:>4} | "
            f"{lines[number - 1][:WIDEST]}"
            for number in range(first, min(line + 1, len(lines)) + 1)
            if line > 0
        )


def split_template(source: str, *, chat: bool, renderer: Renderer) -> Template:
    """The form in which a source is stored: messages where role lines stand outside blocks."""
    if not chat:
        return without_last_blanks(source)
    before, parts = segments(source)
    alone = renderer.parse([part.content for part in parts])
    without_comments = re.sub(r"\{#.*?#\}", "", before, flags=re.DOTALL)
    if without_comments.strip() or any(found.error for found in alone):
        return without_last_blanks(source)
    return tuple(Message(part.role, unescaped(part.content)) for part in parts)


def template_source(template: Template) -> str:
    """A source that gives this template; the inverse of `split_template`."""
    return template if isinstance(template, str) else as_source(template)


def check_template(prompt: Prompt, renderer: Renderer) -> Prompt:
    """`prompt` with its variables found.

    Raises:
        WorkbenchError: a syntax error with file, line, column and context, or a banned tag.
    """
    found: Parsed = renderer.parse([prompt.source])[0]
    if found.error:
        place = f"{prompt.where(found.line)}:{prompt.column(found.error, found.line)}"
        said = f"{found.error}{prompt.context(found.line)}"
        raise WorkbenchError(said, where=place, fix=mending(found.error))
    for tag, line in found.tags.items():
        raise WorkbenchError(
            f"`{tag}` is not allowed here",
            where=prompt.where(line),
            fix='only {% include "_name.jinja" %} with the name written out',
        )
    return replace(prompt, variables=found.variables)
