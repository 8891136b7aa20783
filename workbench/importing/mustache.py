"""Mustache templates as Jinja, where the values show the meaning.

>>> mustache_source("{{#names}}{{.}}, {{/names}}{{{x}}}", {"names": ["a"]}).text
'{% for names_entry in names %}{{ names_entry }}, {% endfor %}{{ x }}'

A section is a loop over a list and a condition of any other value: so a row must be there that has
its value. Inside a loop a name is a key of the entry if the first entry has it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.importing.jinja_text import escape_braces

_TAG = re.compile(
    r"\{\{\{\s*(?P<raw>[\w.]+)\s*\}\}\}|\{\{\s*(?P<sign>[#^/>!&]?)\s*(?P<name>[^{}]*?)\s*\}\}"
)
_NAME = re.compile(r"\.|[A-Za-z_]\w*(?:\.\w+)*")


@dataclass
class MustacheSource:
    """A template as Jinja.

    Attributes:
        unclear: tags that have no certain meaning, as they stand in the source.
        missing: names that the row has no value of.
    """

    text: str = ""
    missing: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)


@dataclass
class _Section:
    name: str
    variable: str  # of a loop; empty: a condition
    entry: Any


def mustache_source(text: str, values: Mapping[str, Any]) -> MustacheSource:
    """The template as Jinja; `values` are those of a row."""
    result, sections, parts, end = MustacheSource(), list[_Section](), list[str](), 0
    for tag in _TAG.finditer(text):
        parts.append(escape_braces(text[end : tag.start()]))
        end = tag.end()
        parts.append(_tag_source(tag, values, sections, result))
    parts.append(escape_braces(text[end:]))
    for section in sections:
        result.unclear.append(f"{{{{#{section.name}}}}} without an end")
        parts.append("{% endfor %}" if section.variable else "{% endif %}")
    result.text = "".join(parts)
    return result


def _tag_source(
    tag: re.Match[str], values: Mapping[str, Any], sections: list[_Section], result: MustacheSource
) -> str:
    sign, name = tag["sign"] or "", tag["raw"] or tag["name"]
    if sign == "!":
        return ""
    if sign == "/":
        if not sections or sections[-1].name != name:
            result.unclear.append(tag[0])
            return ""
        return "{% endfor %}" if sections.pop().variable else "{% endif %}"
    if sign == ">" or not _NAME.fullmatch(name):
        result.unclear.append(tag[0])
        return ""
    expression, value = _lookup(name, values, sections)
    if value is None and expression == name and name != "." and name.split(".")[0] not in values:
        result.missing.append(name.split(".")[0])
    if sign in ("", "&"):
        return f"{{{{ {expression} }}}}"
    if sign == "^":
        sections.append(_Section(name, "", None))
        return f"{{% if not {expression} %}}"
    if value is None:
        result.unclear.append(tag[0])
    if isinstance(value, list):
        variable = f"{re.sub(r'[^A-Za-z0-9_]', '_', name).strip('_')}_entry"
        sections.append(_Section(name, variable, value[0] if value else None))
        return f"{{% for {variable} in {expression} %}}"
    sections.append(_Section(name, "", value if isinstance(value, dict) else None))
    return f"{{% if {expression} %}}"


def _lookup(name: str, values: Mapping[str, Any], sections: list[_Section]) -> tuple[str, Any]:
    """The expression of a name, and its value in the row; None: it has none."""
    loops = [section for section in reversed(sections) if section.variable]
    if name == ".":
        return (loops[0].variable, loops[0].entry) if loops else (name, None)
    first = name.split(".")[0]
    for section in reversed(sections):
        if isinstance(section.entry, dict) and first in section.entry:
            head = section.variable or section.name
            return f"{head}.{name}", _value(section.entry, name)
    return name, _value(values, name)


def _value(values: Any, name: str) -> Any:
    for step in name.split("."):
        values = values.get(step) if isinstance(values, Mapping) else None
    return values
