r"""A template that renders to the prompts that an evaluation has sent.

>>> row = SentPrompt("2+2?", (), [{"role": "user", "content": "Answer: 2+2?"}])
>>> prompt_template([row])
'user:\nAnswer: {{ input }}\n'

The texts of all samples must differ in nothing but the input and the choices; otherwise there is
no such template, and the messages themselves become a column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.importing.jinja_text import chat_source, literal_source

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MESSAGES = "{% messages messages %}\n"
_INPUT, _CHOICES, _LETTERS = "\ue000", "\ue001", "\ue002"
_SOURCES = {
    _INPUT: "{{ input }}",
    _CHOICES: (
        f'{{% for choice in choices %}}{{{{ "{LETTERS}"[loop.index0] }}}}) {{{{ choice }}}}'
        '{% if not loop.last %}{{ "\\n" }}{% endif %}{% endfor %}'
    ),
    _LETTERS: f'{{{{ "{LETTERS}"[:choices|length]|join(",") }}}}',
}


@dataclass(frozen=True)
class SentPrompt:
    """A sample's input and the messages that were sent for it.

    Attributes:
        input: None: it is no plain text.
    """

    input: str | None
    choices: tuple[str, ...]
    messages: Sequence[Mapping[str, Any]]


def prompt_template(prompts: Sequence[SentPrompt]) -> str | None:
    """The template of all prompts; None: they have none in common."""
    common = _skeleton(prompts[0])
    if common is None or any(_skeleton(prompt) != common for prompt in prompts[1:]):
        return None
    if _INPUT not in "".join(content for _, content in common):
        return None
    messages = []
    for role, content in common:
        source = literal_source(content)
        for marker, expression in _SOURCES.items():
            source = source.replace(marker, expression)
        messages.append((role, source))
    return chat_source(messages)


def _skeleton(prompt: SentPrompt) -> list[tuple[str, str]] | None:
    """The messages with markers in place of the input and the choices."""
    if not prompt.input or not prompt.messages or prompt.messages[-1]["role"] == "assistant":
        return None
    options = zip(LETTERS, prompt.choices, strict=False)
    block = "\n".join(f"{letter}) {choice}" for letter, choice in options)
    letters = ",".join(LETTERS[: len(prompt.choices)])
    pieces = {_CHOICES: block, _INPUT: prompt.input}
    pieces |= {_LETTERS: letters} if len(prompt.choices) > 1 else {}
    parts: list[tuple[str, str]] = []
    for message in prompt.messages:
        content = message["content"]
        if not isinstance(content, str) or {"tool_calls", "tool_call_id"} & message.keys():
            return None
        if any(marker in content for marker in _SOURCES):
            return None
        for marker, text in pieces.items():
            content = content.replace(text, marker) if text else content
        parts.append((message["role"], content))
    return parts
