"""JSON in a text, and the value at a path in it.

>>> order = next(json_values('Here it is: {"items": [{"price": 3}]}'))
>>> value_at(order, read_path("$.items[0].price", "field"))
3
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from workbench.canonical import JSON
from workbench.errors import WorkbenchError

MOST_STARTS = 100  # at which JSON is looked for
_FENCE = re.compile(r"```(?:json)?[^\S\n]*\n(.*?)```", re.DOTALL | re.IGNORECASE)
_VALUE_START = re.compile(r"\{(?=\s*[\"}])|\[(?=\s*[\[{\"\]\d\-tfn])")
_PATH = re.compile(r"\$(?:\.[\w-]+|\[-?\d+\]|\[\"[^\"]+\"\]|\['[^']+'\])*")
_PATH_STEP = re.compile(r"\.([\w-]+)|\[(-?\d+)\]|\[[\"']([^\"']+)[\"']\]")

Keys = Sequence[str | int]


def read_path(path: str, setting: str) -> Keys:
    """The names and indices of a path; `setting` names it in messages.

    Raises:
        WorkbenchError: it is not a path.
    """
    if not _PATH.fullmatch(path):
        fix = "write $, then .name, [0] or ['a name']: $.answer, $.choices[0].text"
        raise WorkbenchError(f"{setting} {path!r} is not a path", fix=fix)
    return [
        int(index) if index else name or quoted for name, index, quoted in _PATH_STEP.findall(path)
    ]


def value_at(value: JSON, keys: Keys) -> JSON:
    """The value below `value` at these keys.

    Raises:
        LookupError: there is none.
    """
    for key in keys:
        if isinstance(key, str) != isinstance(value, dict) or not isinstance(value, dict | list):
            raise LookupError(key)
        value = value[key]  # type: ignore[index]
    return value


def json_values(text: str) -> Iterator[JSON]:
    """The JSON that a text is, else what it has in code blocks and in its prose, in order."""
    decoder = json.JSONDecoder(strict=False)  # models write line breaks into strings
    for candidate in (text, *(block[1] for block in islice(_FENCE.finditer(text), MOST_STARTS))):
        with suppress(ValueError, RecursionError):
            yield decoder.decode(candidate)
            if candidate is text:
                return
    end = 0
    for start in islice(_VALUE_START.finditer(text), MOST_STARTS):
        if start.start() < end:
            continue  # a part of the value before
        with suppress(ValueError, RecursionError):
            value, end = decoder.raw_decode(text, start.start())
            yield value
