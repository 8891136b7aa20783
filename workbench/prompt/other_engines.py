"""Fixes for the syntax of other template engines, by the line of an error.

{{#if name}}        ->  this is Handlebars; write {% if name %}…{% endif %}
{% elsif x %}       ->  this is Liquid; write {% elif x %}
{{ name | dump }}   ->  write {{ name | tojson }}
"""

import re

# Pattern in the line of a syntax error, and its fix; the first match counts.
_SYNTAX = (
    (
        r"\{\{[~#]*\s*role\s+[\"'](?P<role>\w+)[\"']",
        "this is Dotprompt; a message begins with a line of its role only: {role}:",
    ),
    (
        r"\{\{~?#\s*(?P<role>system|user|assistant)\s*~?\}\}",
        "this is Guidance; a message begins with a line of its role only: {role}:",
    ),
    (r"\{\{~?#?\s*gen(?:each)?\b", "leave it out: a model answers after the last message"),
    (
        r"\{\{~?#\s*(?P<word>if|unless)\s+(?P<name>[\w.]+)",
        "this is Handlebars; write {{% if {name} %}}…{{% else %}}…{{% endif %}}",
    ),
    (
        r"\{\{~?#\s*each\s+(?P<name>[\w.]+)",
        "this is Handlebars; write {{% for item in {name} %}}…{{{{ item }}}}…{{% endfor %}}",
    ),
    (
        r"\{\{~?\s*\^(?P<name>[\w.]+)",
        "this is Mustache; write {{% if not {name} %}}…{{% endif %}}",
    ),
    (
        r"\{\{~?\s*#(?P<name>[\w.]+)",
        "this is Mustache; write {{% if {name} %}}…{{% endif %}}, for a list "
        "{{% for item in {name} %}}…{{% endfor %}}",
    ),
    (r"\{\{~?/", "this is Handlebars; write {{% endif %}} or {{% endfor %}}"),
    (r"\{\{~?!", "this is Handlebars; write {{# comment #}}"),
    (
        r"\{\{~?\s*>\s*(?P<name>[\w-]+)",
        'this is Handlebars; write {{% include "_{name}.jinja" %}}, a file beside the template',
    ),
    (r"\{\{(?:\{|&)\s*(?P<name>[\w.]+)\s*\}\}", "this is Handlebars; write {{{{ {name} }}}}"),
    (r"\{\{~?\s*else\b", "this is Handlebars; write {{% else %}} or {{% elif … %}}"),
    (
        r"\{\{-?\s*(?:end|if|range|with|template|define)\b[^}]*\}\}",
        "this is Go; write {{% if name %}}…{{% endif %}}, {{% for item in names %}}…{{% endfor %}}",
    ),
    (r"\{\{-?\s*[$.](?P<name>\w+)\s*-?\}\}", "write {{{{ {name} }}}}, without the $ or dot"),
    (
        r"\{\{\s*(?:[\"'][^\"'{}]*[\"']\s*:|\}\})",
        "literal braces are doubled in str.format only: write them once, and columns as "
        "{{{{ name }}}}",
    ),
    (r"\{[{%].*(?:[!=]==|&&|\|\||!\s*\w)", "write ==, !=, and, or, not"),
    (r"\{[{%][^}?]*\?[^}:]*:", "write {{{{ first if condition else second }}}}"),
    (
        r"\{[{%].*\|\s*\w+\s*:",
        "this is Liquid; write arguments in brackets: {{{{ text | default('-') }}}}",
    ),
    (
        r"\{\{~?\s*(?!not\s)[\w.-]+\s+(?!(?:if|is|in|not|and|or|else)\b)[\"'$@\w]",
        "helpers and functions of other engines don't exist here: give their result as a column",
    ),
)
_ROLE_LINES = "a message begins with a line of its role only: user:"
_TAGS = {
    **dict.fromkeys(("message", "chat", "role"), _ROLE_LINES),
    **dict.fromkeys(("elsif", "elseif", "elif"), "write {% elif … %}"),
    **dict.fromkeys(("assign", "do"), "write {% set name = … %}"),
    **dict.fromkeys(("case", "when", "switch"), "write {% if … %}…{% elif … %}…{% endif %}"),
    **dict.fromkeys(("break", "continue"), "put the condition into the loop: {% for … if … %}"),
    **dict.fromkeys(("trans", "blocktrans", "generation"), "leave the tag out, and keep its text"),
    "capture": "write {% set name %}…{% endset %}",
    "comment": "write {# comment #}",
    "now": "give the date as a column, so that every run sends the same text",
    "unless": "write {% if not … %}…{% endif %}",
    "verbatim": "write {% raw %}…{% endraw %}",
}
_FILTERS = {
    **dict.fromkeys(
        ("dump", "json", "json_encode", "stringify", "to_json", "to_nice_json", "tojson_pretty"),
        "tojson",
    ),
    **dict.fromkeys(("from_json", "json_decode", "parse_json"), "fromjson"),
    **dict.fromkeys(("size", "len"), "length"),
    **dict.fromkeys(("lstrip", "rstrip", "strip"), "trim"),
    "downcase": "lower",
    "upcase": "upper",
}


def syntax_fix(line: str) -> str:
    """The fix for a line with a syntax error; empty if it is in no engine known here."""
    for pattern, fix in _SYNTAX:
        if match := re.search(pattern, line):
            names = match.groupdict()
            if names.get("role") == "model":
                names["role"] = "assistant"
            if names.get("word") == "unless":
                names["name"] = f"not {names['name']}"
            return fix.format(**names)
    return ""


def tag_fix(name: str) -> str:
    """The fix for a tag that Jinja doesn't have; empty if it is unknown."""
    return _TAGS.get(name.removeprefix("end"), "")


def filter_fix(name: str) -> str:
    """The fix for a filter that Jinja doesn't have; empty if it is unknown."""
    if name in ("append", "prepend"):
        return "write {{ first ~ second }}"
    if name in ("random", "shuffle"):
        return "give the choice as a column, so that every run sends the same text"
    return f"write {{{{ … | {_FILTERS[name]} }}}}" if name in _FILTERS else ""
