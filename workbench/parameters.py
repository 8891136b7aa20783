"""The parameters of a request, by their names in the OpenAI API.

>>> merge_parameters({"temperature": 0, "max_tokens": 8}, {"max_tokens": None, "top_p": 1.0})
{'temperature': 0, 'top_p': 1}
"""

from collections.abc import Callable, Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name

NUMBER = (int, float)

# name: (types, lowest, highest, description)
PARAMETERS: dict[str, tuple[tuple[type, ...], float | None, float | None, str]] = {
    "temperature": (NUMBER, 0, 2, "a number from 0 to 2"),
    "top_p": (NUMBER, 0, 1, "a number from 0 to 1"),
    "top_k": ((int,), 0, None, "a whole number from 0; 0 is no limit"),
    "repetition_penalty": (NUMBER, 0.01, None, "a number from 0.01; 1 changes nothing"),
    "max_tokens": ((int,), 1, None, "a whole number from 1"),
    "max_completion_tokens": ((int,), 1, None, "a whole number from 1"),
    "stop": ((str, list), None, None, "a text or a list of texts"),
    "seed": ((int,), None, None, "a whole number"),
    "logprobs": ((bool, int), None, None, "true or false (a number for completions)"),
    "top_logprobs": ((int,), 0, 20, "a whole number from 0 to 20"),
    "frequency_penalty": (NUMBER, -2, 2, "a number from -2 to 2"),
    "presence_penalty": (NUMBER, -2, 2, "a number from -2 to 2"),
    "logit_bias": ((dict,), None, None, "a mapping of token ids to numbers"),
    "response_format": ((dict,), None, None, "a mapping"),
    "reasoning_effort": ((str,), None, None, "a text"),
    "verbosity": ((str,), None, None, "a text"),
    "service_tier": ((str,), None, None, "a text"),
    "tool_choice": ((str, dict), None, None, "auto, none, required or the name of a tool"),
    "parallel_tool_calls": ((bool,), None, None, "true or false"),
    "user": ((str,), None, None, "a text"),
    "extra_body": ((dict,), None, None, "a mapping; it goes into the body unchanged"),
}


def check_parameters(
    parameters: Mapping[str, JSON], *, where: Callable[[str], str] = lambda _name: ""
) -> None:
    """Check names, types and ranges; None (not sent) is always allowed.

    `where` returns the position of a name in its file, for messages.

    Raises:
        WorkbenchError: an unknown name, with the nearest one, or a wrong value.
    """
    for name, value in parameters.items():
        if name not in PARAMETERS:
            raise unknown_name("parameter", name, PARAMETERS, where=where(name))
        if value is None:
            continue
        types, lowest, highest, description = PARAMETERS[name]
        is_bool = isinstance(value, bool)
        fits = bool in types if is_bool else isinstance(value, types)
        if fits and isinstance(value, NUMBER) and not is_bool:
            fits = (lowest is None or value >= lowest) and (highest is None or value <= highest)
        if fits and isinstance(value, list):
            fits = bool(value) and all(isinstance(text, str) for text in value)
        if not fits:
            excerpt = f"{value!r}" if len(f"{value!r}") <= 80 else f"{value!r:.80}…"
            message = f"{name}: {excerpt} is not {description}"
            fix = f"write {description.partition(';')[0]}, or null to leave it out"
            raise WorkbenchError(message, where=where(name), fix=fix)


def check_merged_parameters(parameters: Mapping[str, JSON], *, where: str) -> None:
    """Check the parameters that several layers set together.

    Raises:
        WorkbenchError: two parameters mean the same.
    """
    both = [name for name in ("max_tokens", "max_completion_tokens") if name in parameters]
    if len(both) == 2:
        fix = f"keep one; `{both[1]}: null` removes the value of another layer"
        raise WorkbenchError(f"{both[0]} and {both[1]} are both set", where=where, fix=fix)


def merge_parameters(*layers: Mapping[str, JSON]) -> dict[str, JSON]:
    """Merge layers: the last value of a parameter counts, and None removes it."""
    merged: dict[str, JSON] = {}
    for layer in layers:
        merged.update(layer)
    return {name: _canonical_number(value) for name, value in merged.items() if value is not None}


def _canonical_number(value: JSON) -> JSON:
    """0.0 as 0: they mean the same, so they make the same request."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
