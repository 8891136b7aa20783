"""Calls that no server takes, or not OpenAI's own API: refused before anything is sent.

    top_logprobs needs `logprobs: true`
      fix: set it, or `top_logprobs: null`

Where some servers take a call and others refuse it, the call has a warning.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, pluralize
from workbench.model import PromptCall
from workbench.parameters import ParameterError
from workbench.providers.openai.settings import LIMITS, OpenAISettings

SINGLE_ANSWER_KEYS = frozenset({"n", "best_of", "stream", "stream_options", "echo"})
Parameters = Mapping[str, JSON]


@dataclass(frozen=True)
class Rule:
    """A value that is refused.

    Attributes:
        is_refused: called with the value and all parameters, those of `extra_body` among them.
        apis: the values of the setting `api` that it is about.
    """

    parameter: str
    is_refused: Callable[[JSON, Parameters], bool]
    problem: str
    fix: str
    apis: tuple[str, ...] = ("chat", "completions", "responses")


RULES = (
    Rule(
        "top_logprobs",
        lambda value, parameters: bool(value) and not parameters.get("logprobs"),
        "top_logprobs needs `logprobs: true`",
        "set it, or `top_logprobs: null`",
        ("chat", "completions"),
    ),
    Rule(
        "logprobs",
        lambda value, _: not isinstance(value, bool),
        "logprobs is a number, and a chat takes true or false",
        "`logprobs: true`, and the number as `top_logprobs`",
        ("chat",),
    ),
    Rule(
        "response_format",
        lambda value, _: value == {"type": "json_schema"},
        "response_format is of the type json_schema and has no schema",
        "`response_schema:` in the prompt's front matter",
    ),
)
MAX_STOPS = 4
OPENAI_RULES = (
    Rule(
        "stop",
        lambda value, _: isinstance(value, list) and len(value) > MAX_STOPS,
        f"stop has more than {MAX_STOPS} texts, and OpenAI refuses that",
        f"keep {MAX_STOPS} of them",
    ),
    *(
        Rule(
            parameter,
            lambda value, _: value < 16,
            f"{parameter} is below 16, the least that OpenAI's Responses API takes",
            "write 16 or more",
            ("responses",),
        )
        for parameter in ("max_tokens", "max_completion_tokens")
    ),
    *(
        Rule(
            parameter,
            lambda *_: True,
            f"OpenAI takes no {parameter} with `api: {api}`",
            f"`{parameter}: null` leaves it out",
            (api,),
        )
        for api, parameters in {
            "chat": ("top_k", "repetition_penalty"),
            "completions": (
                *("top_k", "repetition_penalty", "top_logprobs", "max_completion_tokens"),
                *("response_format", "reasoning_effort", "verbosity", "service_tier"),
            ),
            "responses": (
                *("top_k", "repetition_penalty", "stop", "seed", "logprobs", "logit_bias"),
                *("frequency_penalty", "presence_penalty"),
            ),
        }.items()
        for parameter in parameters
    ),
)


def check_call(settings: OpenAISettings, call: PromptCall) -> tuple[str, ...]:
    """Return warnings about a call, each with its fix.

    Raises:
        WorkbenchError: no server takes it, or it goes to OpenAI, and OpenAI doesn't.
    """
    extra = call.parameters.get("extra_body") or {}
    _check_extra(extra, call.parameters)
    parameters = {**call.parameters, **extra}
    rules, openai_rules = _rules_of(settings.api, frozenset(parameters))
    for rule in _broken(rules, parameters):
        raise ParameterError(rule.problem, parameter=rule.parameter, fix=rule.fix)
    warnings = []
    openai_rules = [rule for rule in openai_rules if rule.parameter in call.parameters]
    for rule in _broken(openai_rules, call.parameters):
        if rule.parameter not in settings.rename and settings.is_openai:
            raise ParameterError(rule.problem, parameter=rule.parameter, fix=rule.fix)
        if rule.parameter == "stop" and settings.api != "responses":
            count = pluralize(len(parameters["stop"]), "stop text")
            warnings.append(f"{count}: OpenAI and some others take {MAX_STOPS} at most; {rule.fix}")
    conversation = call.conversation
    has_user = any(message.role == "user" for message in conversation.messages)
    if conversation.text is None and not has_user and not settings.is_openai:
        fix = "write the task below `user:`"
        warnings.append(f"no turn of the user, which many servers refuse; {fix} if this one does")
    return tuple(warnings)


def _broken(rules: list[Rule], parameters: Parameters) -> Iterator[Rule]:
    for rule in rules:
        value = parameters[rule.parameter]
        if value is not None and rule.is_refused(value, parameters):
            yield rule


@lru_cache(maxsize=100)  # a row's parameters have the names of the last row's
def _rules_of(api: str, names: frozenset[str]) -> list[list[Rule]]:
    """Those of RULES and of OPENAI_RULES that are about these parameters."""
    return [
        [rule for rule in rules if api in rule.apis and rule.parameter in names]
        for rules in (RULES, OPENAI_RULES)
    ]


def _check_extra(extra: Parameters, parameters: Parameters) -> None:
    if not extra:
        return
    for key in SINGLE_ANSWER_KEYS & extra.keys():
        raise WorkbenchError(
            f"extra_body: {key!r} changes how many answers come, or in what form",
            fix="remove it; `repeats:` asks several times, and `stream: true` of the model streams",
        )
    limits = sorted(LIMITS & extra.keys())
    if limits and (len(limits) > 1 or LIMITS & parameters.keys()):
        raise WorkbenchError(
            f"extra_body: {limits[0]!r} limits the answer, and so does another parameter",
            fix="keep one: the highest cost is computed from it",
        )
