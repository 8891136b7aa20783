"""The parameters of a request, by their names in the OpenAI API.

>>> merge_parameters({"temperature": 0, "max_tokens": 8}, {"max_tokens": None, "top_p": 1.0})
{'temperature': 0, 'top_p': 1}
"""

import math
from collections.abc import Callable, Mapping

from workbench.canonical import JSON, without_point
from workbench.errors import WorkbenchError, join_errors, unknown_name
from workbench.secrets import quote_value

NUMBER = (int, float)

# name: (types, lowest, highest, description)
PARAMETERS: dict[str, tuple[tuple[type, ...], float | None, float | None, str]] = {
    "temperature": (NUMBER, 0, 2, "a number from 0 to 2"),
    "top_p": (NUMBER, 0, 1, "a number from 0 to 1"),
    "top_k": ((int,), 0, None, "a whole number from 0; 0 is no limit"),
    "repetition_penalty": (NUMBER, 0.01, None, "a number from 0.01; 1 changes nothing"),
    "max_tokens": ((int,), 1, None, "a whole number from 1"),
    "max_completion_tokens": ((int,), 1, None, "a whole number from 1"),
    "stop": ((str, list), None, None, "a text or a list of texts; none may be empty"),
    "seed": ((int,), -(2**63), 2**63 - 1, "a whole number of 64 bits"),
    "logprobs": ((bool, int), 0, None, "true or false (a number from 0 for completions)"),
    "top_logprobs": ((int,), 0, 20, "a whole number from 0 to 20"),
    "frequency_penalty": (NUMBER, -2, 2, "a number from -2 to 2"),
    "presence_penalty": (NUMBER, -2, 2, "a number from -2 to 2"),
    "logit_bias": ((dict,), None, None, "a mapping of token ids to numbers"),
    "response_format": ((dict,), None, None, "a mapping with a `type`, such as json_object"),
    "reasoning_effort": ((str,), None, None, "a text"),
    "verbosity": ((str,), None, None, "a text"),
    "service_tier": ((str,), None, None, "a text"),
    "tool_choice": ((str, dict), None, None, "auto, none, required or the name of a tool"),
    "parallel_tool_calls": ((bool,), None, None, "true or false"),
    "user": ((str,), None, None, "a text"),
    "extra_body": ((dict,), None, None, "a mapping; it goes into the body unchanged"),
}
ELSEWHERE = {  # fields of a request that are no parameters, with what sets them
    **dict.fromkeys(("n", "best_of"), "`repeats:` of the experiment asks several times"),
    **dict.fromkeys(("stream", "stream_options"), "`stream: true` of the model streams"),
    **dict.fromkeys(("tools", "functions"), "`tools:` of a prompt's front matter"),
    **dict.fromkeys(("messages", "prompt", "input"), "the template is the text that is sent"),
    "model": "`models:` of the experiment",
    "timeout": "`timeout_s:` of the model",
}


class ParameterError(WorkbenchError):
    """A parameter that a model doesn't take."""

    def __init__(self, message: str, *, parameter: str, fix: str) -> None:
        super().__init__(message, fix=fix)
        self.parameter = parameter


def check_parameters(
    parameters: Mapping[str, JSON], *, where: Callable[[str], str] = lambda _name: ""
) -> None:
    """Check names, types and ranges; None (not sent) is always allowed.

    `where` returns the position of a name in its file, for messages.

    Raises:
        WorkbenchError: unknown names, each with the nearest one, or a wrong value.
    """
    unknown = [
        unknown_name("parameter", name, PARAMETERS, where=where(name), fix=ELSEWHERE.get(name, ""))
        for name in parameters
        if name not in PARAMETERS
    ]
    if unknown:
        raise join_errors(unknown)
    for name, value in parameters.items():
        if value is not None and not _fits(name, value):
            description = PARAMETERS[name][3]
            message = f"{name}: {quote_value(value, name, width=80)} is not {description}"
            fix = f"write {description.partition(';')[0]}, or null to leave it out"
            raise WorkbenchError(message, where=where(name), fix=fix)


def _fits(name: str, value: JSON) -> bool:
    types, lowest, highest, _ = PARAMETERS[name]
    if isinstance(value, bool):
        return bool in types
    if not isinstance(value, types):
        return False
    if isinstance(value, NUMBER):
        in_range = (lowest is None or value >= lowest) and (highest is None or value <= highest)
        return in_range and math.isfinite(value)
    if isinstance(value, list):
        return bool(value) and all(isinstance(text, str) and text for text in value)
    if isinstance(value, dict) and name == "logit_bias":
        numbers = all(type(bias) in NUMBER and math.isfinite(bias) for bias in value.values())
        return numbers and all(str(token).isdecimal() for token in value)
    if isinstance(value, dict) and name == "response_format":
        return isinstance(value.get("type"), str)
    return value != ""


def check_merged_parameters(parameters: Mapping[str, JSON], *, where: str) -> None:
    """Check the parameters that several layers set together, also those of recorded prompts.

    Raises:
        WorkbenchError: a wrong value, or two parameters that mean the same.
    """
    check_parameters(parameters, where=lambda _name: where)
    both = [name for name in ("max_tokens", "max_completion_tokens") if name in parameters]
    if len(both) == 2:
        fix = f"keep one; `{both[1]}: null` removes the value of another layer"
        raise WorkbenchError(f"{both[0]} and {both[1]} are both set", where=where, fix=fix)


def merge_parameters(*layers: Mapping[str, JSON]) -> dict[str, JSON]:
    """Merge layers: the last value of a parameter counts, and None removes it.

    0.0 becomes 0: they mean the same, so they make the same request.
    """
    merged: dict[str, JSON] = {}
    for layer in layers:
        merged.update(layer)
    return {name: without_point(value) for name, value in merged.items() if value is not None}
