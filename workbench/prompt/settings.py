"""The settings of a prompt, from its front matter.

PromptSettings(chat=True, stop=("END",), choices=("yes", "no"), …)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.canonical import JSON
from workbench.prompt.choices import Normalization, is_template


@dataclass(frozen=True)
class PromptSettings:
    """The settings in the front matter.

    Attributes:
        chat: False: the rendered text is sent raw, for base models and plain-text few-shot.
        stop: texts that end an answer; None: not set.
        choices: the only answers allowed: texts, templates of one text each, or a single
            expression that gives the list of a row. Of a judge, its verdicts.
        scores: of a judge: what each verdict is worth.
        normalize: what the log-likelihood of a choice is divided by.
        response_schema: a JSON schema the answer must follow.
        tools: functions that the model may call: name, description, parameters, strict.
    """

    chat: bool = True
    parameters: Mapping[str, JSON] = field(default_factory=dict)
    stop: tuple[str, ...] | None = None
    choices: tuple[str, ...] = ()
    normalize: Normalization = "none"
    response_schema: Mapping[str, JSON] | None = None
    tools: tuple[Mapping[str, JSON], ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def choice_templates(self) -> tuple[str, ...]:
        """`choices` if they depend on the row."""
        return self.choices if any(map(is_template, self.choices)) else ()

    @property
    def tool_names(self) -> list[str]:
        """The names of the tools, in their order."""
        return [str(tool["name"]) for tool in self.tools]

    def sets(self, parameter: str) -> bool:
        """True if the front matter has a value of the parameter."""
        return parameter in self.parameters or (parameter == "stop" and self.stop is not None)

    def as_json(self) -> dict[str, JSON]:
        """JSON without the defaults, so equal settings give equal JSON."""
        settings = {
            "chat": None if self.chat else False,
            "parameters": dict(self.parameters) or None,
            "stop": None if self.stop is None else list(self.stop),
            "choices": list(self.choices) or None,
            "normalize": None if self.normalize == "none" else self.normalize,
            "response_schema": self.response_schema,
            "tools": list(self.tools) or None,
            "scores": dict(self.scores) or None,
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
        normalize=settings.get("normalize", "none"),
        response_schema=settings.get("response_schema") or None,
        tools=tuple(settings.get("tools") or ()),
        scores=settings.get("scores") or {},
    )
