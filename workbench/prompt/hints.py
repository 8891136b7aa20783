"""What would mend a template: said beside the worker's own words for what is wrong.

mending("No filter named 'uper'.", {})      ->  did you mean 'upper'? known: upper, …
mending("takes longer than a template may", …)  ->  a row may take 1.5 s, 512 MB and …
"""

import re
from collections.abc import Mapping

from workbench.canonical import JSON
from workbench.errors import unknown_name

TAGS = ("for", "if", "set", "macro", "call", "filter", "with", "raw", "include", "block")
LIMITS = "a row may take 1.5 s, 512 MB and 20,000,000 characters"
CALM = "loop over what the row holds, and build no long texts"
NEST = "nest fewer brackets, blocks and macros"
SYNTAX = "write {{ value }}, {% tag %}, {# comment #}; braces that are text: {% raw %}…{% endraw %}"
# What the worker says, and what would be right; the first that is found counts.
KNOWN = (
    ("more memory|longer than a template|characters, more than|Range too big", f"{CALM}: {LIMITS}"),
    ("nested too deep|nested blocks", NEST),
    ("unsafe|safely callable", "take values of the row, and filters; nothing behind an object"),
    (r"needs to be closed is '(?P<end>\w+)'", "close it: {{% end{end} %}}"),
    ("is no text$", "call it, as in text.upper(), or end with |join or |list"),
    ("nothing that JSON has", "give tojson values of the row"),
    ("Missing end of comment", "close it: #}"),
    ("Missing end of raw", "close it: {% endraw %}"),
)


def mending(error: str, row: Mapping[str, JSON] | None = None) -> str:
    """What to do about `error`, the worker's first line.

    Args:
        error: as the worker says it.
        row: the variables it happened with; None: nothing was rendered yet.
    """
    if found := re.search(r"No (filter|test) named '([^']*)'", error):
        return unknown_name(found[1], found[2], _named(found[1])).fix
    if found := re.search(r"unknown tag '([^']*)'", error):
        return unknown_name("tag", found[1], TAGS).fix
    for pattern, fix in KNOWN:
        if match := re.search(pattern, error):
            return fix.format(**match.groupdict()) if match.groupdict() else fix
    if row is None:
        return SYNTAX
    held = ", ".join(f"{name} ({_kind(value)})" for name, value in list(row.items())[:12])
    return f"the row has: {held or 'nothing'}; `is defined` and `default()` ask first"


def _named(kind: str) -> list[str]:
    from jinja2 import filters, tests  # 50 ms, for an error only

    return list(filters.FILTERS if kind == "filter" else tests.TESTS)


def _kind(value: JSON) -> str:
    kinds = {bool: "true or false", str: "text", list: "list", dict: "mapping", type(None): "null"}
    return kinds.get(type(value), "number")
