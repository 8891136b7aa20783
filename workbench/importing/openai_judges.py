"""Model graders of OpenAI as judges: `label_model` and `score_model`.

{"type": "label_model", "labels": ["good", "bad"], "passing_labels": ["good"], "model": "m",
 "input": [{"role": "user", "content": "Is it good? {{ sample.output_text }}"}]}

becomes a file of `prompts/judges/` with `scores: {good: 1, bad: 0}` and an entry that names it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from workbench.canonical import JSON
from workbench.importing.foreign_values import as_list, as_mapping, quoted
from workbench.importing.jinja_text import chat_source
from workbench.importing.openai_references import (
    GraderReference,
    Pieces,
    pieces_source,
    text_pieces,
)

STEPS = 10  # of a range that isn't read in whole numbers
MOST_STEPS = 20
_SAMPLING = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "reasoning_effort": "reasoning_effort",
    "max_completion_tokens": "max_completion_tokens",
    "max_completions_tokens": "max_completion_tokens",
}
ROLES = ("system", "developer", "user", "assistant")


class UnreadableGraderError(ValueError):
    """A grader that has no counterpart; the message says why."""


def message_pieces(messages: JSON) -> list[tuple[str, Pieces]]:
    """The role and the text of each message.

    Raises:
        UnreadableGraderError: a message is none, has an image or audio, or braces without a value.
    """
    listed = [messages] if isinstance(messages, dict) else messages
    result: list[tuple[str, Pieces]] = []
    for message in listed if isinstance(listed, list) else []:
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise UnreadableGraderError("a message without a role")
        try:
            result.append((message["role"], text_pieces(_message_text(message.get("content")))))
        except UnreadableGraderError:
            raise
        except ValueError as error:
            raise UnreadableGraderError(f"{error} is no value of a row") from error
    if not result:
        raise UnreadableGraderError("it has no messages")
    return result


def _message_text(content: JSON) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, dict) and isinstance(content.get("text"), str):
        return str(content["text"])
    if isinstance(content, list):
        return "\n".join(map(_message_text, content))
    kind = content.get("type") if isinstance(content, dict) else type(content).__name__
    raise UnreadableGraderError(f"a message with {kind}")


def judge_source(
    grader: Mapping[str, Any],
    scores: Mapping[str, float],
    expression: Callable[[GraderReference], str],
) -> str:
    """The file of a judge, with an expression for each value that it reads."""
    messages = [
        (role, pieces_source(pieces, expression))
        for role, pieces in message_pieces(grader.get("input"))
    ]
    front = {"description": str(grader.get("name") or ""), "scores": dict(scores)}
    return chat_source(messages, front)


def judge_settings(grader: Mapping[str, Any], file: str, name: str) -> dict[str, Any]:
    """The settings of the judge's entry."""
    sampling = as_mapping(grader.get("sampling_params"))
    parameters = {_SAMPLING[key]: value for key, value in sampling.items() if key in _SAMPLING}
    parameters = {key: value for key, value in parameters.items() if value is not None}
    if "max_completion_tokens" in parameters:
        parameters["max_tokens"] = None
    settings = {"prompt": f"judges/{file}", "model": f"openai:{grader.get('model')}", "name": name}
    return settings | ({"parameters": parameters} if parameters else {})


def unknown_sampling(grader: Mapping[str, Any]) -> list[str]:
    """Sampling parameters that judges don't take."""
    return sorted(as_mapping(grader.get("sampling_params")).keys() - set(_SAMPLING))


def label_scores(grader: Mapping[str, Any]) -> dict[str, float]:
    """Labels with 1 if they pass and 0 if not.

    Raises:
        UnreadableGraderError: there are fewer than two.
    """
    labels = grader.get("labels")
    passing = as_list(grader.get("passing_labels"))
    if not isinstance(labels, list) or len({str(label) for label in labels}) < 2:
        raise UnreadableGraderError("it has fewer than two labels")
    return {str(label): 1.0 if label in passing else 0.0 for label in labels}


def score_steps(grader: Mapping[str, Any]) -> dict[str, float]:
    """The scores that a judge chooses from: whole numbers, or eleven steps of the range.

    Raises:
        UnreadableGraderError: the range is none.
    """
    low, high = _bounds(grader.get("range") or [0, 1])
    integral = low.is_integer() and high.is_integer() and 2 <= high - low <= MOST_STEPS
    count = int(high - low) if integral else STEPS
    numbers = [low + (high - low) * step / count for step in range(count + 1)]
    return {f"{number:.10g}": float(f"{number:.10g}") for number in numbers}


def _bounds(bounds: JSON) -> tuple[float, float]:
    numbers = [b for b in as_list(bounds) if isinstance(b, int | float) and not isinstance(b, bool)]
    if not isinstance(bounds, list) or len(numbers) != 2 or numbers[0] >= numbers[1]:
        raise UnreadableGraderError(f"the range {quoted(bounds)} is none")
    return float(numbers[0]), float(numbers[1])
