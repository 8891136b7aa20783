"""Templates of Prompt flow as ours.

# system:
You label tickets.
{% for ticket in tickets %}
{{ ticket }}
{% endfor %}

Prompt flow drops the newline behind a block tag or a comment; ours keeps it, so it goes here.
"""

import re

from workbench.importing.role_headings import RoleTemplate, read_headings

_HEADING = r"[ \t]*(?:#+[ \t]*)?(?:system|user|assistant|developer|function|tool)[ \t]*:[ \t]*$"
_DROPPED = re.compile(
    r"(?P<raw>\{%[-+]?\s*raw\s*[-+]?%\}.*?\{%[-+]?\s*endraw\s*[-+]?%\})"
    rf"|(?<!\+)(?P<end>[%#]\}})\n(?!{_HEADING})",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)


def flow_template(text: str, *, raw: bool) -> RoleTemplate:
    """The template; with `raw` it is sent without roles."""
    plain = text.replace("\r\n", "\n").removeprefix("\ufeff")
    trimmed = _DROPPED.sub(lambda match: match["raw"] or match["end"], plain)
    if raw:
        return RoleTemplate(trimmed)
    return read_headings(trimmed.strip("\n"), first_role="user")


def put_in(text: str, variable: str, inner: str) -> str:
    """The template with another one in place of a variable."""
    return re.sub(rf"\{{\{{-?\s*{re.escape(variable)}\s*-?\}}\}}", lambda _: inner, text)
