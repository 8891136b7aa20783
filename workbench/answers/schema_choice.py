r"""The choice in an answer to the schema of `choices`; not every server enforces the schema.

>>> read_choice('{"choice": "yes"}', ["yes", "no"])
'yes'
>>> read_choice("```json\n\"no\"\n```", ["yes", "no"])
'no'
>>> read_choice("Perhaps", ["yes", "no"])
"""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress

from workbench.canonical import JSON

FIELD = "choice"  # of the schema
FENCE = re.compile(r"```[\w-]*(.*?)```", re.DOTALL)
QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "`": "`"}
ANY_FIELD = re.compile(rf'"{FIELD}"\s*:\s*("(?:[^"\\]|\\.)*")')
CUT_FIELD = re.compile(rf'\s*\{{\s*"{FIELD}"\s*:\s*("(?:[^"\\]|\\.)*")')


def read_choice(answer: str, choices: Collection[str]) -> str | None:
    """Return the choice that an answer names: as the schema says, as other JSON, or as it stands.

    A text under `choice` counts whatever it is; without it, only one of `choices`. None: neither.
    """
    if answer in choices:
        return answer
    for number, text in enumerate(_candidates(answer)):
        if number == 1 and len(set(ANY_FIELD.findall(answer))) > 1:
            return None  # several objects, which differ
        if choice := _as_choice(text, choices):
            return choice
        with suppress(ValueError, RecursionError):
            parsed = json.loads(text)
            field = parsed.get(FIELD) if isinstance(parsed, dict) else None
            if isinstance(field, str) and field:
                return _as_choice(field, choices) or field
            matches = {_as_choice(value, choices) for value in _values(parsed)} - {None}
            if len(matches) == 1:
                return matches.pop()
    if match := CUT_FIELD.match(answer):  # cut off behind its choice
        with suppress(ValueError):
            return _as_choice(json.loads(match[1], strict=False), choices)
    return None


def _candidates(answer: str) -> Iterator[str]:
    """The answer, the blocks of code in it, and the JSON object in it."""
    yield answer.strip()
    yield from FENCE.findall(answer)
    start, end = answer.find("{"), answer.rfind("}")
    if 0 <= start < end:
        yield answer[start : end + 1]


def _as_choice(value: JSON, choices: Collection[str]) -> str | None:
    """The choice that a value spells, but for white space around it and quotes."""
    if isinstance(value, bool):
        value = json.dumps(value)
    if not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    if len(text) > 1 and QUOTES.get(text[0]) == text[-1] and text not in choices:
        text = text[1:-1].strip()
    if text in choices:
        return text
    return next((choice for choice in choices if choice.strip() == text), None) if text else None


def _values(parsed: JSON) -> Iterator[JSON]:
    """The values of JSON that isn't the schema's: of a list's only entry, or of an object."""
    if isinstance(parsed, list) and len(parsed) == 1:
        yield from _values(parsed[0])
    elif isinstance(parsed, dict):
        for value in parsed.values():
            yield from _values(value)
    else:
        yield parsed
