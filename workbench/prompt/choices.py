"""The choices of a prompt: the same for all rows, or from each row; and the most likely of them.

    choices: ["yes", "no"]                 the same for all rows
    choices: "{{ options }}"               an expression that gives the list of a row
    choices: ["{{ sol1 }}", "{{ sol2 }}"]  one template per choice

>>> row_choices(["Rom", " Paris", 7])
('Rom', ' Paris', '7')
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from workbench.answers.finish_reason import TIE
from workbench.canonical import JSON, without_point
from workbench.errors import WorkbenchError, pluralize
from workbench.model import Completion

Normalization = Literal["none", "tokens", "characters", "bytes"]
TAGS = ("{{", "{%", "{#")
MAX_SHOWN = 60  # characters of a value in a message


def is_template(choice: str) -> bool:
    """True if `choice` depends on the row."""
    return any(tag in choice for tag in TAGS)


def row_choices(value: JSON) -> tuple[str, ...]:
    """The choices of a row, checked; numbers become their JSON text, whole ones without a point.

    Raises:
        WorkbenchError: `value` is not a list of at least two different texts.
    """
    if not isinstance(value, list):
        raise WorkbenchError(f"gives {_describe(value)}, not a list", fix=_list_fix(value))
    choices = tuple(_text(number, choice) for number, choice in enumerate(value, 1))
    if len(choices) < 2:
        count = pluralize(len(choices), "choice")
        problem = f"{count}, {_shown(choices[0])}" if choices else "an empty list"
        raise WorkbenchError(
            f"gives {problem}", fix="give the row at least two choices, or remove it"
        )
    numbers: dict[str, int] = {}
    for number, choice in enumerate(choices, 1):
        first = numbers.setdefault(choice.strip(), number)
        if first != number:
            raise WorkbenchError(
                f"gives {_shown(choice.strip())} twice, as choices {first} and {number}",
                fix="remove one: two equal choices can't be told apart",
            )
    return choices


def _text(number: int, choice: JSON) -> str:
    if isinstance(choice, bool | int | float):
        return json.dumps(without_point(choice))  # tables with missing cells write 1.0
    if not isinstance(choice, str):
        fix = f"fill choice {number} in the row, or name the texts in the expression"
        raise WorkbenchError(f"gives {_describe(choice)} as choice {number}, not a text", fix=fix)
    if not any(character.isprintable() and not character.isspace() for character in choice):
        raise WorkbenchError(
            f"gives {choice!r} as choice {number}, which has no visible character",
            fix=f"fill choice {number} in the row, or remove it",
        )
    return choice


def _describe(value: JSON) -> str:
    if isinstance(value, str):
        return f"the text {_shown(value)}"
    if isinstance(value, dict):
        return f"a mapping of {', '.join(map(str, value)) or 'nothing'}"
    if isinstance(value, list):
        return f"a list, {_shown(value)},"
    return "null" if value is None else json.dumps(value)


def _shown(value: JSON) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _list_fix(value: JSON) -> str:
    if isinstance(value, dict):
        key = next((key for key, entry in value.items() if isinstance(entry, list)), "text")
        return f'name the list in it, as in "{{{{ choices.{key} }}}}"'
    if isinstance(value, str):
        return (
            "let the column hold a list (JSON Lines, Parquet), split its text: "
            '"{{ options.split(\'|\') }}", or list columns: ["{{ a }}", "{{ b }}"]'
        )
    return "fill the row's list, or remove the row"


def choose(completion: Completion, normalize: Normalization) -> Completion:
    """`completion` with the most likely choice as its text.

    Log-likelihoods are divided by the choice's tokens, characters or UTF-8 bytes; white space at
    its beginning counts as neither character nor byte. Of equal choices the first is chosen, and
    the finish reason is `tie`. A completion without log-likelihoods stays as it is.

    `none`, `characters` and `bytes` are acc, acc_norm and acc_bytes of lm-evaluation-harness:
    https://blog.eleuther.ai/multiple-choice-normalization/
    """
    scores, tokens = completion.choice_scores, completion.choice_tokens
    if not scores:
        return completion
    if normalize == "tokens" and tokens is None:
        error = "stored without the choices' token counts; --fresh computes them"
        return replace(completion, state="invalid_response", text="", error=error)
    counts = tokens or {}
    normalized = {
        choice: score / _length(choice, counts, normalize) for choice, score in scores.items()
    }
    best = max(normalized.values())
    choice, *equal = [choice for choice, score in normalized.items() if score == best]
    usage = replace(
        completion.usage, output_tokens=counts.get(choice, completion.usage.output_tokens)
    )
    finish_reason = TIE if equal else completion.finish_reason
    return replace(completion, text=choice, usage=usage, finish_reason=finish_reason)


def _length(choice: str, tokens: Mapping[str, int], normalize: Normalization) -> int:
    text = choice.lstrip()
    lengths = {"none": 1, "characters": len(text), "bytes": len(text.encode("utf-8", "replace"))}
    return lengths.get(normalize) or tokens[choice]
