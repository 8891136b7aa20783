"""Templates checked: parsed by the renderer, some of them ahead, and split into messages.

Prompt(task="qa", name="v1", template=(Message("user", "Hi {{ name }}"),), variables={"name": 2}, …)
"""

import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice

from workbench.canonical import ordered_json
from workbench.conversation import Message
from workbench.errors import WorkbenchError
from workbench.prompt.prompt import Prompt, template_json
from workbench.prompt.renderer import Parsed, Renderer
from workbench.prompt.source import (
    SHORTEN,
    Template,
    expand_tags,
    segments,
    tag_kinds,
    unescaped,
    without_last_blanks,
)

COMMENT = re.compile(r"\{#.*?(?:#\}|\Z)", re.DOTALL)
MAX_CHARACTERS = 100_000  # of a tag in MLflow's registry


def check_templates(prompts: Iterable[Prompt], renderer: Renderer) -> Generator[Prompt, None, None]:
    """Each prompt with its variables; those of files also with their stored form.

    Prompts are read and parsed ahead of the caller. An error while they are read is raised after
    the prompts before it.

    Raises:
        WorkbenchError: a syntax error with file, line, column and context, or a banned tag.
    """
    unchecked: deque[Prompt] = deque()
    read_errors: list[WorkbenchError] = []

    def templates() -> Iterator[list[str]]:
        try:
            for prompt in prompts:
                unchecked.append(prompt)
                chat = prompt.settings.chat
                source = prompt.source
                parts = _parts(source) if chat and not prompt.version else []
                yield [expand_tags(source) if chat else source, *parts]
                yield from ([choice] for choice in prompt.settings.choice_templates)
        except WorkbenchError as error:
            read_errors.append(error)

    with closing(renderer.parse(templates())) as answers:
        for parsed in answers:
            prompt = unchecked.popleft()
            count = len(prompt.settings.choice_templates)
            yield _checked(prompt, parsed, list(islice(answers, count)))
    if read_errors:
        raise read_errors[0]


def _parts(source: str) -> list[str]:
    """The messages of a source that may not be templates by themselves, as one in a block."""
    before, parts = segments(source)
    if len(parts) == 1 and not before.strip():
        return []
    return [expand_tags(part.content) for part in parts]


def _checked(prompt: Prompt, parsed: Parsed, parsed_choices: list[Parsed]) -> Prompt:
    if parsed.error:
        raise prompt.error_at(parsed.line, parsed.error)
    for tag, line in parsed.tags.items():
        raise WorkbenchError(
            f"`{tag}` is not allowed here",
            where=prompt.where(line),
            fix='only {% include "_name.jinja" %} is allowed, with a literal name',
        )
    for choice in parsed_choices:
        tag_error = next((f"`{tag}` is not allowed here" for tag in choice.tags), "")
        if error := choice.error or tag_error:
            fix = 'write an expression that gives a list: choices: "{{ options }}"'
            where = prompt.choices_where or prompt.where()
            raise WorkbenchError(f"`choices`: {error}", where=where, fix=fix)
    names = dict.fromkeys(name for choice in parsed_choices for name in choice.variables)
    prompt = replace(prompt, variables=parsed.variables, choice_variables=tuple(names))
    if prompt.version:
        return prompt
    prompt = replace(prompt, template=split_template(prompt, splits=parsed.splits))
    _check_content(prompt)
    return prompt


def split_template(prompt: Prompt, *, splits: bool) -> Template:
    """The stored form of a template: messages if every role line stands outside blocks, else text.

    `splits`: each of its messages is a template.
    """
    source = prompt.source
    if not prompt.settings.chat or not splits:
        return without_last_blanks(source)
    before, parts = segments(source)
    if COMMENT.sub("", before).strip() or "messages" in tag_kinds(source):
        return without_last_blanks(source)
    return tuple(Message(part.role, unescaped(part.content)) for part in parts)


def _check_content(prompt: Prompt) -> None:
    """Refuse a template that the registry can't store, or that would send empty messages."""
    template, where = prompt.template, f"prompts/{prompt.task}/{prompt.name}.jinja"
    stored = template if isinstance(template, str) else ordered_json(template_json(template))
    if len(stored) > MAX_CHARACTERS:
        raise WorkbenchError(
            f"{len(stored):,} characters with its partials; "
            f"MLflow's registry takes {MAX_CHARACTERS:,}",
            where=where,
            fix=SHORTEN,
        )
    texts = [template] if isinstance(template, str) else [m.content for m in template]
    if not any(COMMENT.sub("", text).strip() for text in texts):
        raise WorkbenchError(
            "the template is empty", where=where, fix="write `user:` and a text below it"
        )
    if len(ordered_json(list(prompt.settings.tools))) > MAX_CHARACTERS // 2:
        message = f"the tools have more than {MAX_CHARACTERS // 2:,} characters"
        raise WorkbenchError(message, where=where, fix="shorten their descriptions")
