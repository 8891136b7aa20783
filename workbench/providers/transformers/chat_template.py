r"""A model's chat template, rendered as transformers renders it, without importing transformers.

>>> template = ChatTemplate("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")
>>> template.render([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}])
'user: Hi\nassistant: Ho'

A template that asks for today's date gets a fixed one, so that a prompt is the same every day.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import cached_property
from typing import Any

from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from workbench.canonical import JSON
from workbench.errors import WorkbenchError
from workbench.providers.transformers.settings import DEFAULT_DATE

CLOCK = "strftime_now"  # the function by which templates ask for the date
# Given by a call, so not among the variables that a user sets.
RENDERED = frozenset(["messages", "tools", "documents", "add_generation_prompt", CLOCK])
# transformers puts it behind a begun answer, and some templates look for it.
CONTINUED = "CONTINUE_FINAL_MESSAGE_TAG "


class ChatTemplate:
    """A chat template with values for its variables.

    Args:
        source: Jinja; empty for a model without one, which renders nothing.
        variables: of the template, special tokens among them.
        today: the date that the template gets as today's.
    """

    def __init__(
        self,
        source: str,
        variables: Mapping[str, JSON] | None = None,
        today: date = DEFAULT_DATE,
    ) -> None:
        self.source = source
        self.names = frozenset(re.findall(r"\w+", source))
        self.variables = dict(variables or {})
        self.today = today

    def render(
        self,
        messages: Sequence[Mapping[str, JSON]],
        tools: Sequence[JSON] | None = None,
        *,
        today: date | None = None,
        **variables: JSON,
    ) -> str:
        """The prompt up to the place where the model goes on.

        Behind a last assistant message it ends with that message, which may have lost white space.

        Raises:
            WorkbenchError: the template refuses the messages, or drops the begun answer.
        """
        turns = list(map(template_turn, messages))
        begun = turns[-1]["role"] == "assistant"
        if begun:
            turns[-1]["content"] = turns[-1].get("content", "") + CONTINUED
        values = {**self.variables, **variables, CLOCK: (today or self.today).strftime}
        try:
            text = self._compiled.render(
                messages=turns,
                tools=tools,
                documents=None,
                add_generation_prompt=not begun,
                **values,
            )
        except Exception as error:  # a template's code may raise any
            reason = str(error) or type(error).__name__
            raise WorkbenchError(f"the chat template refuses the messages: {reason}") from error
        if not begun:
            return text
        end = text.rfind(CONTINUED.strip())
        if end < 0:
            raise WorkbenchError("the chat template refuses the messages: it drops a begun answer")
        return text[:end] if text[end:].startswith(CONTINUED) else text[:end].rstrip()

    @cached_property
    def _compiled(self) -> Template:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationBlock, loopcontrols]
        )
        environment.filters["tojson"] = _to_json
        environment.globals |= {"raise_exception": _raise, "namespace": _Namespace}
        return environment.from_string(self.source)


def template_turn(message: Mapping[str, JSON]) -> dict[str, JSON]:
    """A message as chat templates take it: without None, arguments of calls as mappings."""
    turn = {name: value for name, value in message.items() if value is not None}
    if not turn.get("tool_calls"):
        return turn
    calls = []
    for call in turn["tool_calls"]:
        function = dict(call["function"])
        if isinstance(function["arguments"], str):
            with suppress(ValueError):
                function["arguments"] = json.loads(function["arguments"])
        calls.append({**call, "function": function})
    return {"content": "", **turn, "tool_calls": calls}


class _GenerationBlock(Extension):
    """`{% generation %}` … `{% endgeneration %}` around answers, which only training needs."""

    tags = {"generation"}  # noqa: RUF012  as in jinja2

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class _Namespace(Namespace):
    """A namespace without names that Python gives a meaning, by which code could be run."""

    def __init__(*arguments: Any, **attributes: Any) -> None:
        self, *pairs = arguments
        attributes = dict(*pairs, **attributes)
        for name in attributes:
            _check_attribute(name)
        Namespace.__init__(self, attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_attribute(name)
        super().__setitem__(name, value)


def _check_attribute(name: Any) -> None:
    if str(name).startswith("_"):
        raise TemplateError(f"a namespace has no attribute {name!r}")


def _to_json(value: Any, **options: Any) -> str:
    """The value as JSON; unlike Jinja's own filter it escapes no HTML."""
    return json.dumps(value, **{"ensure_ascii": False, **options})


def _raise(message: str) -> None:
    raise TemplateError(message)
