"""Fixes for errors in templates, shown below the error's own message.

No filter named 'uper'.     ->  did you mean 'upper'? known: upper, …
the template takes too long ->  loop only over values of the row …
"""

import re
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import unknown_name
from workbench.prompt.other_engines import filter_fix, syntax_fix, tag_fix

TAGS = ("for", "if", "set", "macro", "call", "filter", "with", "raw", "include", "block")
TAG_FORMS = {
    "messages": "write {% messages history %}, with a column of messages, in a chat",
    "image": "write {% image photo %}, with a column of paths or addresses, in a turn of the user",
    "tool_call": "write {% tool_call get_weather(city=city) %} in a turn of the assistant",
}
LIMITS = "the limits per row are 1.5 s, 512 MB and 20,000,000 characters"
SYNTAX = "write {{ value }}, {% tag %}, {# comment #}; for literal braces {% raw %}…{% endraw %}"
# Pattern of the error, and its fix; the first match counts.
HINTS = (
    (
        "too much memory|takes too long|characters, more than|Range too big",
        f"loop only over values of the row, and build no long strings; {LIMITS}",
    ),
    ("nested too deep|nested blocks", "nest fewer brackets, blocks and macros"),
    (
        "unsafe|safely callable",
        "use values of the row and filters, not attributes and methods of Python objects",
    ),
    (r"needs to be closed is '(?P<end>\w+)'", "close it: {{% end{end} %}}"),
    ("is not text$", "call it, as in text.upper(), or end with |join or |list"),
    ("generator or method", "end it with |list; or call it, as in text.upper()"),
    ("is not JSON$", "pass values of the row to tojson"),
    ("values to unpack", "over a mapping write {% for key, value in name.items() %}"),
    ("Missing end of comment", "close it: #}"),
    ("Missing end of raw", "close it: {% endraw %}"),
)


def suggest_fix(error: str, line: str, row: Mapping[str, JSON] | None = None) -> str:
    """A fix for the worker's message `error` on `line`; without `row` nothing was rendered yet."""
    if match := re.search(r"No (filter|test) named '([^']*)'", error):
        fix = filter_fix(match[2]) if match[1] == "filter" else ""
        return fix or unknown_name(match[1], match[2], _jinja_names(match[1])).fix
    if match := re.search(r"unknown tag '([^']*)'", error):
        fix = TAG_FORMS.get(match[1]) or tag_fix(match[1])
        return fix or unknown_name("tag", match[1], (*TAGS, *TAG_FORMS)).fix
    for pattern, fix in HINTS:
        if match := re.search(pattern, error):
            return fix.format(**match.groupdict()) if match.groupdict() else fix
    if row is None:
        return syntax_fix(line) or SYNTAX
    columns = ", ".join(f"{name} ({_kind(value)})" for name, value in list(row.items())[:12])
    return (
        f"the row has: {columns or 'nothing'}; "
        "check optional values with `is defined` or `default()`"
    )


def likely_column(line: str, error: str) -> int:
    """The column, from 1, of what the worker's message `error` names on `line`."""
    for word in re.findall(r"'([^']+)'", error):
        if word in line:
            return line.index(word) + 1
    tag = re.search(r"\{[{%#]", line)
    return tag.start() + 1 if tag else 1


def _jinja_names(kind: str) -> list[str]:
    from jinja2 import filters, tests  # 50 ms, only for an error

    return list(filters.FILTERS if kind == "filter" else tests.TESTS)


def _kind(value: JSON) -> str:
    kinds = {bool: "true or false", str: "text", list: "list", dict: "mapping", type(None): "null"}
    return kinds.get(type(value), "number")
