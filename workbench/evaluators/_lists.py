r"""The items of a list in an answer: JSON, bullets, lines, or words with commas between.

>>> read_items("The primary colours are: red, yellow and blue.", joined=True)
['red', 'yellow', 'blue']
>>> read_items("Here they are:\n- **Oslo**: in Norway\n- Rome")
['Oslo', 'Rome']
"""

import json
import re

from workbench.canonical import JSON, without_point
from workbench.evaluator.json_path import json_values
from workbench.evaluators._json_text import json_key

MOST_ITEMS = 100_000
NOTHING = frozenset({"none", "nothing", "n/a", "-", "[]", "keine", "aucun", "ninguno", "nessuno"})
_BULLET = re.compile(
    r"^[ \t]*(?:[-*+•–·‣▪]|\(?\d{1,4}[.)]|\(?[a-z][.)])[ \t]+(\S.*)$", re.MULTILINE
)
_DESCRIBED = re.compile(
    r"(\*\*|__|`)(?P<name>[^*_`]{1,200})\1[ ]?[:–—-](?:\s|\*|$)|(\*\*|__)(?P<term>[^*_`]{1,200}):\3"
)
_INTRODUCTION = re.compile(r"^[^:,;\n]{0,200}:[ \t]+")
_JOINED = re.compile(r"[ ](?:and|und|et|y|e|en|&|и|och|og|oraz)[ ]")
_LAST = re.compile(r"^(?:and|und|et|y|e|en|&|и|och|og|oraz)[ ]", re.IGNORECASE)
_EDGES = " \t\r\n*_`\"'“”‘’«».,;:"


def read_items(text: str, separator: str = "", *, joined: bool = True) -> list[str]:
    """The items of a list in their order, without marks at their ends.

    Args:
        text: the list, perhaps with a sentence before and behind it.
        separator: between the items; empty: as the text has it.
        joined: `and` separates two items.
    """
    if separator:
        return _bare(text.split(separator))
    if (listed := json_list(text)) is not None:
        return [_bare_text(entry_text(entry)) for entry in listed if entry is not None]
    if bullets := _BULLET.findall(text):
        return _bare([_name(bullet) for bullet in bullets])
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].rstrip().endswith(":"):
        lines = lines[1:]
    if len(lines) > 1:
        return _bare([_name(line) for line in lines])
    return _inline(lines[0], joined) if lines else []


def entry_text(value: JSON) -> str:
    """The text of a JSON value as an entry: 1.0 is `1`, an object is its JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        try:
            return json_key(value)
        except (ValueError, RecursionError):
            return repr(value)
    return str(without_point(value))


def json_list(text: str) -> list[JSON] | None:
    """The JSON list that a text has, also as the only list of an object; None: it has none."""
    if "[" not in text:
        return None
    for value in json_values(text):
        if isinstance(value, dict):
            lists = [entry for entry in value.values() if isinstance(entry, list)]
            value = lists[0] if len(lists) == 1 else None
        is_citation = isinstance(value, list) and len(value) == 1 and isinstance(value[0], int)
        if isinstance(value, list) and not (is_citation and text.strip() != json.dumps(value)):
            return value
    return None


def _inline(line: str, joined: bool) -> list[str]:
    """The items of one line."""
    line = _INTRODUCTION.sub("", line.strip())
    separator = next((sign for sign in ";、,，|" if sign in line), "")
    items = line.split(separator) if separator else [line]
    if joined:
        items = [*items[:-1], *_JOINED.split(items[-1])]
        items = [_LAST.sub("", entry.strip()) for entry in items]
    return _bare(items)


def _name(line: str) -> str:
    """The bold name before a description, or all of a line."""
    described = _DESCRIBED.match(line.strip())
    return (described["name"] or described["term"]) if described else line


def _bare(items: list[str]) -> list[str]:
    return [bare for entry in items[:MOST_ITEMS] if (bare := _bare_text(entry))]


def _bare_text(entry: str) -> str:
    return entry.strip(_EDGES)
