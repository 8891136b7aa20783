"""Values of other tools' files, which may be of any type.

>>> as_mapping({"a": 1}), as_mapping([]), as_list((1,)), as_list("ab")
({'a': 1}, {}, [1], [])
>>> quoted("it"), quoted(None), quoted([True, "x"])
("'it'", 'null', '[true, "x"]')
"""

import json
from typing import Any


def as_mapping(value: Any) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return list(value) if isinstance(value, list | tuple) else []


def as_mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings in a list."""
    return [each for each in as_list(value) if isinstance(each, dict)]


def quoted(value: Any, width: int = 60) -> str:
    """The value for a message, in the words of JSON; a long one ends with `…`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    short = text if len(text) <= width else f"{text[:width]}…"
    return repr(short) if isinstance(value, str) else short
