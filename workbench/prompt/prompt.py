"""A prompt template, checked and ready to render.

Prompt(task="sentiment", name="zero_shot", template=(Message("user", "… {{ text }}"),), …)
"""

import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

from workbench.canonical import JSON, digest, ordered_json
from workbench.conversation import Conversation
from workbench.errors import WorkbenchError, unknown_name
from workbench.images import ImageReader
from workbench.model import PromptCall
from workbench.prompt.choices import row_choices
from workbench.prompt.hints import likely_column, suggest_fix
from workbench.prompt.renderer import Rendered, Renderer, RenderJob
from workbench.prompt.settings import PromptSettings
from workbench.prompt.source import Markers, Template, image_line, new_nonce

Origin = tuple[str, int]  # file and line
MAX_SHOWN = 120  # characters shown of a line


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
        choice_variables: those of the templates in `choices`.
        choices_where: file and line of `choices`.
        version: number in the registry; None: not known yet, or not registered.
        registry_prefix: before its name in MLflow's registry; empty: none, or not known yet.
    """

    task: str
    name: str
    ref: str
    template: Template
    source: str
    settings: PromptSettings = field(default_factory=PromptSettings)
    description: str = ""
    origins: tuple[Origin, ...] = ()
    variables: Mapping[str, int] = field(default_factory=dict)
    choice_variables: tuple[str, ...] = ()
    choices_where: str = ""
    version: int | None = None
    registry_prefix: str = ""

    @property
    def registered_name(self) -> str:
        """Name in MLflow's registry: `sentiment.few_shot`, after the prefix if any."""
        return ".".join(filter(None, (self.registry_prefix, self.task, self.name)))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of template and settings; the description is left out."""
        settings = self.settings.as_json()
        for name in ("response_schema", "tools"):  # the order of their keys can change the answer
            if settings.get(name) is not None:
                settings[name] = ordered_json(settings[name])
        return digest({"template": template_json(self.template), **settings})

    @property
    def all_variables(self) -> list[str]:
        """Variables of the template, then those that only `choices` have."""
        return list(dict.fromkeys([*self.variables, *self.choice_variables]))

    @cached_property
    def image_line(self) -> int:
        """The line of `source` that may first bring an image in; 0: none does."""
        return image_line(self.source) if self.settings.chat else 0

    def where(self, line: int = 1) -> str:
        """`file:line` of a line of `source`."""
        if not self.origins:
            return f"{self.task}.{self.name}@{self.version}:{line}"
        file, number = self.origins[min(max(line, 1), len(self.origins)) - 1]
        return f"{file}:{number}"

    def render(
        self,
        renderer: Renderer,
        rows: Sequence[Mapping[str, JSON]],
        ids: Iterable[str],
        images: ImageReader | None = None,
    ) -> Iterator[Conversation]:
        """One conversation per row, in order, without choices; see `calls`."""
        without_choices = replace(self, settings=replace(self.settings, choices=()))
        calls = without_choices.calls(renderer, rows, ids, images)
        return (call.conversation for call in calls)

    def calls(
        self,
        renderer: Renderer,
        rows: Sequence[Mapping[str, JSON]],
        ids: Iterable[str],
        images: ImageReader | None = None,
    ) -> Iterator[PromptCall]:
        """One call per row with its choices, in order; some rows are rendered ahead.

        Args:
            renderer: the child process.
            rows: the variables of each row.
            ids: of the rows, for error messages.
            images: reads the images; None: they are not read.

        Raises:
            WorkbenchError: a row that doesn't render, or whose choices can't be used, with the
                template's file and line.
        """
        return render_prompts([PromptRows(self, rows, ids)], renderer, images)

    def checked_choices(self, value: JSON, row_id: str) -> tuple[str, ...]:
        """The choices of a row."""
        try:
            return row_choices(value)
        except WorkbenchError as error:
            error.where = self.choices_where or self.where()
            error.message = f"`choices` {error.message} (row {row_id})"
            raise

    def choices_error(self, error: str, row: Mapping[str, JSON], row_id: str) -> WorkbenchError:
        """The error of an expression in `choices`."""
        wrong = self.error_at(0, error, row=row, row_id=row_id)
        wrong.where = self.choices_where or self.where()
        wrong.message = f"`choices`: {wrong.message}"
        return wrong

    def error_at(
        self, line: int, error: str, *, row: Mapping[str, JSON] | None = None, row_id: str = ""
    ) -> WorkbenchError:
        """The error on a line of `source` with its column, the lines around it, and a fix.

        Line 0 is an unknown line; without `row` nothing was rendered yet.
        """
        lines = self.source.split("\n")
        source_line = lines[line - 1] if 0 < line <= len(lines) else ""
        column = likely_column(source_line, error)
        where = f"{self.where(line)}:{column}"
        row_name = f" (row {row_id})" if row_id else ""
        if row is not None and (missing := re.match(r"'(\w+)' is undefined", error)):
            unknown = unknown_name("variable", missing[1], row, where=where)
            unknown.message += row_name
            return unknown
        error, _, names = error.partition(", which has: ")
        fix = f"it has: {names}" if names else suggest_fix(error, source_line, row)
        shown = ""
        for number in range(max(1, line - 1), min(line + 1, len(lines)) + 1) if line > 0 else ():
            mark, file_line = ">" if number == line else " ", self.where(number).rsplit(":", 1)[1]
            shown += f"\n  {mark} {file_line:>4} | {lines[number - 1][:MAX_SHOWN]}"
        return WorkbenchError(f"{error}{row_name}{shown}", where=where, fix=fix)


def template_json(template: Template) -> JSON:
    """A template as JSON: a text or a list of messages."""
    return template if isinstance(template, str) else [m.as_json() for m in template]


@dataclass(frozen=True)
class PromptRows:
    """A prompt with the rows to render and their ids, for error messages."""

    prompt: Prompt
    rows: Sequence[Mapping[str, JSON]]
    ids: Iterable[str]


def render_prompts(
    jobs: Iterable[PromptRows], renderer: Renderer, images: ImageReader | None = None
) -> Generator[PromptCall, None, None]:
    """The calls of all rows of each prompt, one prompt after another; see `Prompt.calls`.

    Prompts, too, are rendered ahead. Their markers share a nonce: the rows are older than it.
    """
    nonce, sent = new_nonce(), deque[tuple[PromptRows, Markers]]()

    def render_jobs() -> Iterator[RenderJob]:
        for job in jobs:
            source, settings, markers = job.prompt.source, job.prompt.settings, Markers(nonce)
            marked = markers.mark(source) if settings.chat else source
            sent.append((job, markers))
            yield marked, job.rows, settings.choice_templates

    with closing(renderer.render_jobs(render_jobs())) as texts:
        first = next(texts, None)
        while first is not None:
            job, markers = sent.popleft()
            if job.rows:
                yield from _calls(job, markers, chain([first], texts), images)
                first = next(texts, None)


class CallReader:
    """Reads the calls of a prompt from its rendered texts; without `images` these are not read."""

    def __init__(self, prompt: Prompt, markers: Markers, images: ImageReader | None = None) -> None:
        self._prompt, self._settings, self._markers = prompt, prompt.settings, markers
        self._images = images if prompt.image_line else None
        self._where, self._image_where = prompt.where(), prompt.where(prompt.image_line)
        self._reads_choices = bool(prompt.settings.choice_templates)

    def call(self, rendered: Rendered, row_id: str) -> PromptCall:
        """The call of a row; raises WorkbenchError for no conversation, or unusable choices."""
        settings = self._settings
        conversation = Conversation(text=rendered.text)
        if settings.chat:
            conversation = self._markers.split(rendered.text, where=self._where, row=row_id)
        if self._images:
            conversation = self._images.read(conversation, where=self._image_where, row=row_id)
        choices = settings.choices
        if self._reads_choices:
            choices = self._prompt.checked_choices(rendered.choices, row_id)
        return PromptCall(conversation, {}, choices, settings.response_schema, settings.tools)


def _calls(
    job: PromptRows, markers: Markers, texts: Iterator[Rendered], images: ImageReader | None
) -> Iterator[PromptCall]:
    """The calls of one prompt's rows; `texts` may go on with the next prompt's."""
    prompt, reader = job.prompt, CallReader(job.prompt, markers, images)
    for row, row_id, rendered in zip(job.rows, job.ids, texts, strict=False):
        if rendered.error and rendered.in_choices:
            raise prompt.choices_error(rendered.error, row, row_id)
        if rendered.error:
            raise prompt.error_at(rendered.line, rendered.error, row=row, row_id=row_id)
        yield reader.call(rendered, row_id)
