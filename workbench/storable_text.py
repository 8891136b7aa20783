r"""Text as every MLflow store takes it: without NUL and lone surrogates, and short enough.

PostgreSQL takes no NUL and no text above a column's length; UTF-8 has no lone surrogates.

>>> storable_text("a\x00b"), storable_text("a\ud800b"), shorten("too long", 5)
('a�b', 'a�b', 'too …')
"""

import re
from collections.abc import Mapping

from workbench.canonical import JSON

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
OPENING = re.compile(r"\s*[\[{]")
BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]')
MAX_DEPTH = 200  # of JSON in a text
MAX_TAG = 8_000  # characters; of a tag, a parameter and a trace's metadata
MAX_DESCRIPTION = 5_000  # of a prompt
MAX_NAME = 250  # of a run, a tag, a parameter, a metric


def storable_text(text: str) -> str:
    """`text` with U+FFFD in place of each character that no tracking store takes."""
    return UNSTORABLE.sub("\ufffd", text)


def shorten(text: str, length: int) -> str:
    """`text` cut to `length` characters; an ellipsis shows that it was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def storable_json(value: JSON) -> JSON:
    """The same data with each string and each key as `storable_text`; too deep JSON is no JSON."""
    if isinstance(value, str):
        return f"\ufffd{storable_text(value)}" if _is_deep(value) else storable_text(value)
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [storable_json(entry) for entry in value]
    return value


def _is_deep(text: str) -> bool:
    """True if MLflow, which parses each text that may be JSON, would not survive this one."""
    if not OPENING.match(text) or text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False
