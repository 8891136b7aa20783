"""The parameters a request may carry, by their names in the OpenAI API.

check_parameters({"temprature": 0}, where=…)   # unknown parameter 'temprature'; did you mean …
"""

from collections.abc import Callable, Mapping

from workbench.canonical import JSON
from workbench.errors import WorkbenchError, unknown_name

NUMBER = (int, float)

# name: (types, least, most, in words)
KNOWN: dict[str, tuple[tuple[type, ...], float | None, float | None, str]] = {
    "temperature": (NUMBER, 0, 2, "a number from 0 to 2"),
    "top_p": (NUMBER, 0, 1, "a number from 0 to 1"),
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
    "user": ((str,), None, None, "a text"),
    "extra_body": ((dict,), None, None, "a mapping; it goes into the body as it is"),
}


def check_parameters(
    parameters: Mapping[str, JSON], *, where: Callable[[str], str] = lambda _name: ""
) -> None:
    """Checks names, types and ranges; None (not sent) is always right.

    Args:
        parameters: by their names.
        where: the place of each name, for messages.

    Raises:
        WorkbenchError: with the nearest name, or what the value may be.
    """
    for name, value in parameters.items():
        if name not in KNOWN:
            raise unknown_name("parameter", name, KNOWN, where=where(name))
        if value is None:
            continue
        types, least, most, words = KNOWN[name]
        wrong_bool = isinstance(value, bool) and bool not in types
        fits = isinstance(value, types) and not wrong_bool
        if fits and isinstance(value, NUMBER) and not isinstance(value, bool):
            fits = (least is None or value >= least) and (most is None or value <= most)
        if fits and isinstance(value, list):
            fits = bool(value) and all(isinstance(item, str) for item in value)
        if not fits:
            shown = f"{value!r}" if len(f"{value!r}") <= 80 else f"{value!r:.80}…"
            fix = f"write {words.partition(';')[0]}, or null to leave it out"
            raise WorkbenchError(f"{name}: {shown} is not {words}", where=where(name), fix=fix)


def check_merged_parameters(parameters: Mapping[str, JSON], *, where: str) -> None:
    """Checks what only several layers together can get wrong.

    Raises:
        WorkbenchError: two parameters that say the same.
    """
    both = [name for name in ("max_tokens", "max_completion_tokens") if name in parameters]
    if len(both) == 2:
        raise WorkbenchError(
            f"{both[0]} and {both[1]} both stand in the parameters",
            where=where,
            fix=f"keep one; `{both[1]}: null` takes out what another layer says",
        )


def merge_parameters(*layers: Mapping[str, JSON]) -> dict[str, JSON]:
    """One mapping from several, the last word wins; a None takes the parameter out."""
    merged: dict[str, JSON] = {}
    for layer in layers:
        merged.update(layer)
    return {name: _one_zero(value) for name, value in merged.items() if value is not None}


def _one_zero(value: JSON) -> JSON:
    """0.0 as 0: they ask for the same, so they are the same request."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
